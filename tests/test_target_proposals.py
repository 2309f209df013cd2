"""Target proposals: which column of a table is to be predicted, by its name, or which three it may be."""

import pytest
from helpers.refusals import refuses
from helpers.visitors import APP, text
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from api.app import create
from jobs.cli.app import main
from jobs.language import sentence_of
from jobs.tabular import proposal
from jobs.tabular.column import Column
from jobs.verbs import datasets
from store import workflows
from store.errors import RequestError
from store.messages import Message
from store.workflows import Filter

# Headers of well-known public tables, and of Turkish ones of the kind that offices have. After each name stands what is
# in the column: n numbers, i7 whole numbers with 7 values, 3 texts with 3 values, b yes and no, d dates, x what is left
# out as an id or free text. Behind the arrow stands what people predict in it; a star where its name does not say so.
TABLES = """
iris: sepal_length n, sepal_width n, petal_length n, petal_width n, species 3 -> species
iris_r: Id x, SepalLengthCm n, SepalWidthCm n, PetalLengthCm n, PetalWidthCm n, Species 3 -> Species
iris_variety: sepal.length n, sepal.width n, petal.length n, petal.width n, variety 3 -> variety
titanic: PassengerId x, Survived i2, Pclass i3, Name x, Sex 2, Age n, SibSp i7, Fare n, Cabin 147,\
 Embarked 3 -> Survived
titanic_seaborn: survived i2, pclass i3, sex 2, age n, sibsp i7, parch i7, fare n, embarked 3, class 3, who 3,\
 adult_male b, deck 7, embark_town 3, alive b, alone b -> survived
adult: age n, workclass 8, fnlwgt n, education 16, marital-status 7, occupation 14, race 5, sex 2, capital-gain n,\
 hours-per-week n, native-country 41, income 2 -> income
adult_openml: age n, workclass 8, education 16, marital-status 7, relationship 6, sex 2, class 2 -> class
wine_quality: fixed acidity n, volatile acidity n, pH n, sulphates n, alcohol n, quality i6 -> quality
wine_both: type 2, fixed acidity n, volatile acidity n, pH n, alcohol n, quality i7 -> quality
boston: CRIM n, ZN n, INDUS n, CHAS i2, NOX n, RM n, AGE n, RAD i9, TAX n, LSTAT n, MEDV n -> MEDV
diamonds: carat n, cut 5, color 7, clarity 8, depth n, table n, price n, x n, y n, z n -> price
bank_marketing: age n, job 12, marital 4, education 8, default 3, housing 3, loan 3, contact 2, month 10, duration n,\
 campaign n, poutcome 3, y b -> y
bank_deposit: age n, job 12, marital 3, default b, balance n, housing b, loan b, day n, duration n, poutcome 4,\
 deposit b -> deposit
credit_g: checking_status 4, duration n, credit_history 5, purpose 10, credit_amount n, savings_status 5,\
 employment 5, personal_status 4, age n, housing 3, job 4, foreign_worker b, class 2 -> class
credit_risk: Age n, Sex 2, Job i4, Housing 3, Saving accounts 4, Credit amount n, Duration n, Purpose 8, Risk 2 -> Risk
credit_default: LIMIT_BAL n, SEX i2, EDUCATION i7, AGE n, PAY_0 i11, BILL_AMT1 n, PAY_AMT1 n,\
 default.payment.next.month i2 -> default.payment.next.month
telco: customerID x, gender 2, SeniorCitizen i2, Partner b, tenure n, Contract 3, PaperlessBilling b,\
 MonthlyCharges n, TotalCharges n, Churn b -> Churn
telco_ibm: CustomerID x, City 1000, Contract 3, Monthly Charges n, Total Charges n, Churn Label b, Churn Value i2,\
 Churn Score n, CLTV n, Churn Reason 20 -> Churn Label
bank_churn: RowNumber x, CustomerId x, CreditScore n, Geography 3, Gender 2, Age n, Balance n, NumOfProducts i4,\
 HasCrCard i2, IsActiveMember i2, EstimatedSalary n, Exited i2 -> Exited
heart: age n, sex i2, cp i4, trestbps n, chol n, fbs i2, thalach n, exang i2, oldpeak n, thal i4, target i2 -> target
heart_uci: age n, sex 2, dataset 4, cp 4, trestbps n, chol n, fbs b, thalch n, exang b, thal 3, num i5 -> num *
heart_disease: Age n, Sex 2, ChestPainType 4, RestingBP n, Cholesterol n, ExerciseAngina b,\
 HeartDisease i2 -> HeartDisease
heart_failure: age n, anaemia i2, diabetes i2, ejection_fraction n, high_blood_pressure i2, sex i2, smoking i2,\
 time n, DEATH_EVENT i2 -> DEATH_EVENT
framingham: male i2, age n, education i4, currentSmoker i2, prevalentStroke i2, diabetes i2, totChol n, BMI n,\
 glucose n, TenYearCHD i2 -> TenYearCHD
stroke: id x, gender 3, age n, hypertension i2, heart_disease i2, ever_married b, work_type 5, avg_glucose_level n,\
 bmi n, smoking_status 4, stroke i2 -> stroke
heart_2020: HeartDisease b, BMI n, Smoking b, Stroke b, PhysicalHealth n, Sex 2, Diabetic 4, Asthma b,\
 SkinCancer b -> HeartDisease *
pima: Pregnancies n, Glucose n, BloodPressure n, BMI n, DiabetesPedigreeFunction n, Age n, Outcome i2 -> Outcome
breast_cancer: id x, diagnosis 2, radius_mean n, texture_mean n, area_worst n, symmetry_worst n -> diagnosis
mushrooms: class 2, cap-shape 6, cap-surface 4, bruises 2, odor 9, gill-size 2, population 6, habitat 7 -> class
california: longitude n, latitude n, housing_median_age n, total_rooms n, population n, median_income n,\
 median_house_value n, ocean_proximity 5 -> median_house_value
california_sklearn: MedInc n, HouseAge n, AveRooms n, Population n, Latitude n, Longitude n,\
 MedHouseVal n -> MedHouseVal
ames: Id x, MSSubClass n, LotArea n, Street 2, OverallQual i10, YearBuilt n, PoolArea n, MiscVal n, YrSold i5,\
 SaleType 9, SaleCondition 6, SalePrice n -> SalePrice
king_county: id x, date d, price n, bedrooms i13, sqft_living n, floors n, waterfront i2, condition i5, grade i12,\
 yr_built n, zipcode n -> price
credit_islr: Income n, Limit n, Rating n, Cards i9, Age n, Student b, Married b, Ethnicity 3, Balance n -> Balance *
oj: Purchase 2, WeekofPurchase n, StoreID i5, PriceCH n, PriceMM n, DiscCH i12, LoyalCH n, Store7 b -> Purchase
covertype: Elevation n, Aspect n, Slope n, Wilderness_Area1 i2, Soil_Type1 i2, Soil_Type2 i2,\
 Cover_Type i7 -> Cover_Type
diabetes_cdc: Diabetes_binary i2, HighBP i2, BMI n, Stroke i2, HeartDiseaseorAttack i2, GenHlth i5, Income i8\
 -> Diabetes_binary
kidney: age n, bp n, hypertension b, diabetes_mellitus b, coronary_artery_disease b, classification 2 -> classification
pokemon: Name x, Type 1 18, Total n, HP n, Attack n, Speed n, Generation i6, Legendary b -> Legendary *
fifa: Name x, Age n, Overall n, Potential n, Value n, Wage n, Position 27 -> Value *
taxis: distance n, fare n, tip n, tolls n, total n, color 2, payment 2 -> fare *
bike_day: instant x, dteday d, season i4, yr i2, holiday i2, weathersit i3, temp n, hum n, casual n, registered n,\
 cnt n -> cnt
bike_kaggle: datetime d, season i4, holiday i2, weather i4, temp n, humidity n, casual n, registered n, count n -> count
penguins: species 3, island 3, bill_length_mm n, bill_depth_mm n, body_mass_g n, sex 2, year i3 -> species
tips: total_bill n, tip n, sex 2, smoker b, day 4, time 2, size i6 -> tip
mpg: mpg n, cylinders i5, displacement n, horsepower n, weight n, acceleration n, model_year i13, origin 3,\
 name x -> mpg
insurance: age n, sex 2, bmi n, children i6, smoker b, region 4, charges n -> charges
attrition: Age n, Attrition b, BusinessTravel 3, DailyRate n, Department 3, JobSatisfaction i4, MonthlyIncome n,\
 PerformanceRating i2, RelationshipSatisfaction i4, YearsAtCompany n -> Attrition
hr_left: satisfaction_level n, last_evaluation n, number_project i6, Work_accident i2, left i2,\
 promotion_last_5years i2, sales 10, salary 3 -> left
hotel: hotel 2, is_canceled i2, lead_time n, meal 5, market_segment 8, previous_cancellations n, deposit_type 3,\
 customer_type 4, adr n, reservation_status 3, reservation_status_date d -> is_canceled
loan: Loan_ID x, Gender 2, Married b, Education 2, ApplicantIncome n, LoanAmount n, Credit_History i2,\
 Property_Area 3, Loan_Status b -> Loan_Status
card_fraud: Time n, V1 n, V2 n, V28 n, Amount n, Class i2 -> Class
paysim: step n, type 5, amount n, nameOrig x, oldbalanceOrg n, newbalanceOrig n, isFraud i2,\
 isFlaggedFraud i2 -> isFraud
car: buying 4, maint 4, doors 4, persons 3, lug_boot 3, safety 3, class 4 -> class
abalone: Sex 3, Length n, Diameter n, Height n, Whole weight n, Shell weight n, Rings n -> Rings
concrete: cement n, slag n, ash n, water n, superplastic n, age i14, strength n -> strength
glass: RI n, Na n, Mg n, Al n, Si n, K n, Ca n, Ba n, Fe n, Type i6 -> Type *
zoo: animal_name x, hair i2, feathers i2, eggs i2, legs i6, tail i2, catsize i2, class_type i7 -> class_type
student: school 2, sex 2, age i8, Mjob 5, failures i4, higher b, absences n, G1 n, G2 n, G3 i18 -> G3
exams: gender 2, race/ethnicity 5, lunch 2, math score n, reading score n, writing score n -> math score *
shoppers: Administrative n, BounceRates n, PageValues n, Month 10, VisitorType 3, Weekend b, Revenue b -> Revenue
airline: Gender 2, Customer Type 2, Age n, Class 3, Flight Distance n, Inflight wifi service i6,\
 Departure Delay in Minutes n, satisfaction 2 -> satisfaction
mobile: battery_power n, blue i2, clock_speed n, ram n, touch_screen i2, wifi i2, price_range i4 -> price_range
advertising: TV n, Radio n, Newspaper n, Sales n -> Sales
startups: R&D Spend n, Administration n, Marketing Spend n, State 3, Profit n -> Profit
forest_fires: X i9, Y i7, month 12, day 7, FFMC n, temp n, wind n, rain n, area n -> area *
energy: Relative_Compactness n, Wall_Area n, Orientation i4, Heating_Load n, Cooling_Load n -> Heating_Load *
superstore: Order Date d, Ship Mode 4, Segment 3, Category 3, Sales n, Quantity i14, Discount n, Profit n -> Profit *
rain: Date d, Location 49, MinTemp n, Rainfall n, WindGustDir 16, RainToday b, RainTomorrow b -> RainTomorrow
readmission: race 5, gender 2, age 10, time_in_hospital i14, insulin 4, diabetesMed b, readmitted 3 -> readmitted
salaries: work_year i3, experience_level 4, job_title 50, salary n, salary_currency 11, salary_in_usd n,\
 company_size 3 -> salary_in_usd *
stars: Temperature n, Luminosity n, Radius n, Absolute magnitude n, Star type i6, Star color 10,\
 Spectral Class 7 -> Star type *
sms: v1 2, v2 x -> v1 *
simple: x n, y n -> y
ayrilan: müşteri no x, yaş n, şehir 5, gelir n, Aylık Ücret n, kayıt tarihi d, Ayrıldı mı? b -> Ayrıldı mı?
abone: müşteri no x, yaş n, abone mi b, gelir n, puan n, posta kodu 3 -> abone mi
emlak: İlçe 20, Net m² n, Oda Sayısı i6, Bina Yaşı n, Isıtma 4, Fiyat (TL) n -> Fiyat (TL)
araba: marka 20, yıl n, kilometre n, vites 3, yakıt 4, İkinci El Fiyatı n -> İkinci El Fiyatı
personel: sicil no x, yaş n, medeni durum 2, departman 8, kıdem n, maaş n -> maaş
kredi: yaş n, meslek 12, gelir n, kredi tutarı n, vade n, medeni durumu 2, temerrüt b -> temerrüt
basvuru: yaş n, eğitim durumu 5, gelir n, önceki temerrüt b, Başvuru Sonucu 2 -> Başvuru Sonucu
magaza: tarih d, mağaza 12, ürün 40, birim fiyat n, adet n, SATIŞ TUTARI n -> SATIŞ TUTARI
sinav: çalışma saati n, devamsızlık n, bölüm 6, sonuç 2 -> sonuç
siparis: il 20, kargo 4, sepet tutarı n, kupon b, sipariş durumu 3 -> sipariş durumu
anket: yaş n, kadın b, evli b, çocuk var b -> çocuk var *
""".replace("\\\n", "")
CASES = [line for line in TABLES.splitlines() if line]


def parsed(line):
    """The columns of a case, its target, and whether the name says so."""
    header, target = line.partition(": ")[2].rsplit(" -> ", 1)
    columns = [column(*entry.strip().rsplit(" ", 1)) for entry in header.split(", ")]
    return columns, target.removesuffix(" *"), not target.endswith(" *")


def column(name, what):
    if what == "x":
        return Column(name, "text", distinct=500, role="leave_out", reason=Message("id_or_free_text"))
    if what in ("n", "d"):
        return Column(name, "number" if what == "n" else "date", distinct=500, distinct_exact=True)
    if what.startswith("i"):
        return Column(name, "number", whole=True, distinct=int(what[1:]))
    return Column(name, "yes_no", distinct=2) if what == "b" else Column(name, "text", distinct=int(what))


@pytest.mark.parametrize("line", CASES, ids=[line.partition(":")[0] for line in CASES])
def test_no_table_gets_a_wrong_target(line):
    """The target of a well-known table is proposed where its name says so; else up to three columns may be it."""
    columns, target, by_name = parsed(line)
    proposed = proposal.propose_target(columns)
    names = [candidate["target"] for candidate in proposed["candidates"]]
    assert proposed["target"] in (target, None), "a wrong target is worse than none"
    if by_name:
        assert (proposed["target"], names) == (target, [])
    else:
        assert 1 <= len(names) <= 3 or proposed["target"] == target


def test_most_tables_need_no_choice():
    """Of all tables, most get their target, and in most of the others it is among the candidates."""
    found = [(proposal.propose_target(columns), target) for columns, target, _by_name in map(parsed, CASES)]
    right = sum(proposed["target"] == target for proposed, target in found)
    named = sum(
        target in [proposed["target"], *(candidate["target"] for candidate in proposed["candidates"])]
        for proposed, target in found
    )
    assert len(found) >= 70 and right >= 0.8 * len(found) and named >= 0.95 * len(found), (right, named, len(found))


@pytest.mark.parametrize(
    "header",
    [
        "x n, y n, z n, label_count n, area n",
        "income n, limit n, rating n, married b, balance n",
        "weight n, group 2",
        "hp n, total n, legendary b",
        "value n, wage n, potential n",
        "ever_defaulted b, age n, married b",
        "medeni durum 2, cinsiyet 2, eğitim durumu 4",
        "passenger class 3, review count n, size n",
        "default_date d, churn reason 9, churn category 4, age n",
        "list_price n, unit_price n, weight n",
        "left eye n, right eye n, pass no i20",
    ],
)
def test_names_that_only_resemble_a_target(header):
    """Words within other names, what was before, and rivals propose nothing."""
    columns = [column(*entry.rsplit(" ", 1)) for entry in header.split(", ")]
    assert proposal.propose_target(columns)["target"] is None


def test_candidates_say_why():
    """Each candidate has its reason, those whose names may say so first; no column comes twice."""
    columns, _target, _by_name = parsed("exams: lunch 2, smoker b, math score n, reading score n, size n -> size *")
    candidates = proposal.propose_target(columns)["candidates"]
    assert [(each["target"], sentence_of(each["reason"]), each["task"]) for each in candidates] == [
        ("reading score", "its name may say so", "regression"),
        ("math score", "its name may say so", "regression"),
        ("size", "last column", "regression"),
    ]
    plain, _target, _by_name = parsed("plain: a 3, ok b, c n, d 4 -> ok *")
    assert [(each["target"], sentence_of(each["reason"])) for each in proposal.propose_target(plain)["candidates"]] == [
        ("d", "last column"),
        ("ok", "last yes/no column"),
        ("a", "first column, few distinct values"),
    ]


def scores():
    lines = ["lunch,math score,reading score,size"]
    lines += [f"{'ab'[n % 2]},{n * 7 % 53}.5,{n * 11 % 47}.5,{n * 3 % 41}.25" for n in range(60)]
    return "\n".join(lines).encode()


def test_a_start_without_a_target_names_the_candidates(home, capsys, tmp_path):
    """A command and a verb refuse to guess, and name the columns that may be meant; a target can still be given."""
    dataset = datasets.add([scores()], "exams.csv")
    words = "Choose the target; it may be one of reading score, math score, size."
    with refuses(RequestError, match=words) as refused:
        proposal.propose(dataset)
    assert refused.value.field == "target"
    file = tmp_path / "exams.csv"
    file.write_bytes(scores())
    assert main(["submit", str(file)]) != 0
    assert words in " ".join(capsys.readouterr().err.split())
    assert proposal.propose(dataset, {"target": "size"})["algorithm"] == "hist_gradient_boosting_regressor"


def test_programs_get_candidates_beside_the_proposal(home):
    """A dataset without a sure target has no proposal for programs, but candidates; a request without one is refused
    with their names."""
    client = TestClient(Starlette(routes=[Mount("/api", create())]), base_url="http://localhost")
    dataset = datasets.add([scores()], "exams.csv")
    answered = client.get(f"/api/datasets/{dataset.id}").json()
    assert answered["proposal"] is None
    assert [(each["target"], each["reason"]) for each in answered["candidates"]][::2] == [
        ("reading score", "its name may say so"),
        ("size", "last column"),
    ]
    refused = client.post("/api/workflows", json={"dataset_id": dataset.id})
    assert refused.status_code == 422 and "it may be one of reading score, math score, size" in refused.text


def test_a_proposal_of_an_older_release_is_made_anew(home):
    """Where an older release proposed the last column with two values, none is preselected any more."""
    from store import datasets as stored

    dataset = datasets.add([scores()], "exams.csv")
    old = {"target": "lunch", "reason": {"code": "proposed_two_values", "values": {}}, "task": "classification"}
    described = {name: getattr(dataset, name) for name in ("dialect", "rows", "exact", "columns", "preview", "notices")}
    stored.describe(dataset.id, {**described, "proposal": {**old, "algorithm": "logistic_regression"}})
    with refuses(RequestError, match="may be one of"):
        proposal.propose(stored.get(dataset.id))


def test_the_page_preselects_nothing_and_offers_candidates(home):
    """Where no name says which column is the target, the box is empty and a press on a candidate fills it."""
    dataset = datasets.add([scores()], "exams.csv")
    page = AppTest.from_file(APP, default_timeout=30).switch_page("new.py")
    page.query_params["dataset"] = str(dataset.id)
    page.run()
    key = f"new-target-{dataset.id}"
    assert not page.exception and page.selectbox(key=key).value is None
    pills = page.button_group(key=f"{key}-candidates")
    assert pills.options == [
        "reading score · its name may say so",
        "math score · its name may say so",
        "size · last column",
    ]
    assert not [each for each in page.button if each.key == "new-start"]
    pills.set_value("math score").run()
    assert not page.exception and page.selectbox(key=key).value == "math score"
    assert page.query_params["target"] in ("math score", ["math score"]) and "A number, 0.5 to 52.5" in text(page)
    page.button(key="new-start").click()
    page.run()
    assert workflows.find(Filter(), limit=1)[0].facets["target"] == "math score"
