# SPDX-License-Identifier: Apache-2.0
"""Rules, alerts, dashboard and docs/metrics.md speak of the metrics that the code exposes."""

import json
import re
import subprocess

import pytest
import yaml
from manifests import DEPLOY, ROOT
from metrics_table import METRICS, TARGET_LABELS, mistakes_in

PROMETHEUS = DEPLOY / "prometheus"
PROMTOOL = ROOT / ".deps/bin/promtool"
RULES = [
    rule
    for path in sorted((PROMETHEUS / "rules").glob("*.yml"))
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def recorded_labels():
    """Labels of each recorded series: what its expression groups by, outermost."""
    recorded = {}
    for rule in RULES:
        if "record" in rule:
            by = re.search(r"\bby\s*\(([^)]*)\)", rule["expr"])[1]
            recorded[rule["record"]] = set(re.split(r"[,\s]+", by.strip())) - {"le"}
    return recorded


RECORDED = recorded_labels()


def promtool(*arguments):
    assert PROMTOOL.exists(), "promtool is missing: run scripts/setup.sh test"
    done = subprocess.run(
        [str(PROMTOOL), *map(str, arguments)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_scrape_configuration():
    promtool("check", "config", PROMETHEUS / "prometheus.yml")


def test_promtool_accepts_the_rules():
    promtool("check", "rules", "--lint-fatal", *sorted((PROMETHEUS / "rules").glob("*.yml")))


def test_alerts_fire_and_keep_quiet_as_their_cases_say():
    promtool("test", "rules", PROMETHEUS / "tests/alerts_test.yml")


def test_every_alert_has_a_case_that_fires_and_one_that_does_not():
    cases = yaml.safe_load((PROMETHEUS / "tests/alerts_test.yml").read_text())["tests"]
    checks = [check for case in cases for check in case.get("alert_rule_test", [])]
    for rule in RULES:
        if "alert" in rule:
            mine = [check for check in checks if check["alertname"] == rule["alert"]]
            assert {bool(check["exp_alerts"]) for check in mine} == {True, False}, rule["alert"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_rules_read_metrics_that_exist(rule):
    assert mistakes_in(rule["expr"], RECORDED) == []


@pytest.mark.parametrize("rule", [r for r in RULES if "alert" in r], ids=lambda r: r["alert"])
def test_alerts_say_how_bad_it_is_and_where(rule):
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    runbook = (ROOT / "docs/deploy.md").read_text()
    assert f"`{rule['alert']}`" in runbook, "docs/deploy.md says what to do for each alert"


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_panels_read_metrics_that_exist(panel):
    for target in panel["targets"]:
        assert mistakes_in(target["expr"], RECORDED) == [], target["expr"]
        legend = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
        for label in legend:
            assert re.search(rf"\bby \([^)]*\b{label}\b", target["expr"]), f"no {label} to show"


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_panels_explain_themselves(panel):
    assert panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"]


def test_panels_have_their_own_ids_and_places():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_promtool_accepts_the_expressions_of_the_dashboard(tmp_path):
    rules = [
        {
            "record": f"panel:{panel['id']}:{target['refId']}",
            "expr": target["expr"].replace("$__rate_interval", "5m"),
        }
        for panel in PANELS
        for target in panel["targets"]
    ]
    path = tmp_path / "dashboard.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", path)


def test_the_variables_of_the_dashboard_read_metrics_that_exist():
    variables = DASHBOARD["templating"]["list"]
    names = {variable["name"] for variable in variables}
    used = set(re.findall(r"\$(?!__)\{?(\w+)", json.dumps(PANELS)))
    assert used <= names
    for variable in variables:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", variable["definition"])
            assert found[2] in METRICS[found[1]].labels | TARGET_LABELS


def test_scraping_sets_the_labels_that_rules_and_panels_use():
    for job in yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]:
        assert job["job_name"] in ("pintle-coordinator", "pintle-worker")
        targets = {rule["target_label"] for rule in job["relabel_configs"]}
        assert targets == TARGET_LABELS - {"job", "instance"}


def test_the_table_of_the_documentation_is_that_of_the_code():
    text = (ROOT / "docs/metrics.md").read_text()
    rows = re.findall(r"^\| `(pintle_\w+)` \| (\w+) \| ([^|]*) \| (\w+|both) \|", text, re.M)
    documented = {
        name: (kind, frozenset(re.findall(r"`(\w+)`", labels)), where)
        for name, kind, labels, where in rows
    }
    assert len(documented) == len(rows), "a metric is there twice"
    places = {(True, True): "both", (True, False): "worker", (False, True): "coordinator"}
    assert documented == {
        metric.name: (metric.type, metric.labels, places[metric.worker, metric.coordinator])
        for metric in METRICS.values()
    }


@pytest.mark.parametrize(
    "expression, mistake",
    [
        ("sum(rate(pintle_kv_regrets_total[5m]))", "not in the metric table"),
        ("sum(pintle_output_tokens_total)", "without a range"),
        ("rate(pintle_requests_waiting[5m])", "is a gauge"),
        ("pintle_requests_waiting{tenant='a'}".replace("'", '"'), "has no label tenant"),
        ('pintle_kv_blocks{state="lost"}', "no code writes"),
        ('pintle_workers{job="pintle-worker"}', "is not exposed by"),
        ("sum by (session) (pintle_requests_waiting)", "grouped by session"),
        ("rate(pintle_request_queue_seconds[5m])", "not in the metric table"),
        ("pintle:unheard_of > 1", "recorded nowhere"),
    ],
)
def test_a_planted_mistake_is_found(expression, mistake):
    assert any(mistake in each for each in mistakes_in(expression, RECORDED))
