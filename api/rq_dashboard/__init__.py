"""Rq_dashboard."""
