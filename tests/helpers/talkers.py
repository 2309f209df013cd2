"""Steps that print in every way there is."""

import ctypes
import logging
import os
import subprocess
import sys
import threading
import time
import warnings

from jobs.pipelines import Param, pipeline, step

held = [sys.stderr]  # as loguru holds the stream from when it was imported
libc = ctypes.CDLL(None)
print("imported")


def streams(context):
    print("to stdout")
    print("to stderr", file=sys.stderr)
    context.log("logged")
    held[0].write("to the stream of before\n")
    print("and", "on", end=" ")
    sys.stderr.write("\n")
    context.log("logged later", "warning")
    print("without an end", end="")


def order(context):
    for number in range(300):
        print("printed", 2 * number)
        context.log(f"logged {2 * number + 1}")
        if number % 100 == 99:
            context.log("x" * 5000)
            time.sleep(0.35)


def records(context):
    logging.getLogger("mine").warning("careful")
    logging.getLogger("mine").info("nobody asked for this")
    warnings.warn("mind the gap", stacklevel=1)
    logging.error("wrong")
    logging.basicConfig(level=logging.INFO, force=True)
    logging.info("asked for")
    logging.getLogger("jobs.talkers").error("from us")


def processes(context):
    subprocess.run(
        ["sh", "-c", "echo from a shell; echo from its stderr >&2; echo opened again > /dev/stderr"], check=True
    )
    if os.fork() == 0:
        warnings.warn("of a fork", stacklevel=1)
        logging.warning("logged by a fork")
        os._exit(0)
    os.wait()


def outlived(context):
    subprocess.Popen(["sh", "-c", "echo begun; sleep 0.05; echo soon; sleep 60; echo never"])
    time.sleep(0.03)


def native(context):
    os.write(1, b"by a descriptor\n")
    libc.printf(b"by printf\n")
    context.log("logged")
    libc.printf(b"held back to the end")


def thread(context):
    def wrong():
        raise RuntimeError("a thread broke")

    each = threading.Thread(target=wrong)
    each.start()
    each.join()


def rubbish(context):
    os.write(1, b"M\xfc\xfeteri\nz\0ero\n\0\n")
    print("half a character: \ud83d")
    print("\x1b[31mred\x1b[0m")
    print("x" * 10_000_000)
    print("after")


def flood(context):
    for number in range(50_000):
        print("line", number)


def binary(context):
    for _ in range(100):
        os.write(1, os.urandom(20_000))
    print("\nafter")


def bars(context):
    for number in range(2000):
        sys.stderr.write(f"\r{number / 20:5.1f} %")
        sys.stderr.flush()
        time.sleep(0.0003)
    sys.stderr.write("\rall done\n")


def crash(context):
    print("almost")
    time.sleep(0.4)
    print("last words", end="", flush=True)
    context.log("logged last")
    print("without an end", end="", flush=True)
    ctypes.string_at(0)


def leave(context):
    os.write(2, b"leaving")
    os._exit(3)


def refuse(context):
    print("before it failed")
    raise ValueError("no")


MOODS = {each.__name__: each for each in (streams, order, records, processes, outlived, native, thread, rubbish)}
MOODS |= {each.__name__: each for each in (flood, binary, bars, crash, leave, refuse)}


PARAMS = [Param("mood", "text", "streams", "Mood"), Param("round", "int", 1, "Round")]  # another one, and it runs again


@step("talk", version=1, params=lambda _: PARAMS, max_attempts=1)
def talk(context):
    begun = time.monotonic()
    MOODS[context.params["mood"]](context)
    return {"took": time.monotonic() - begun}


pipeline("talkers", talk)
