"""The report as JUnit XML: a test case for each figure of each row."""

from __future__ import annotations

from xml.etree import ElementTree

from bench.compare.finding import Finding, Verdict
from bench.compare.report.report import Report, Row
from bench.compare.report.words import basis
from bench.printable import printable


def render(report: Report) -> str:
    """Regressions that fail the command are failures, what is not comparable is skipped, all else has passed."""
    cases = [_case(row, finding) for row in report.rows for finding in row.findings]
    suite = ElementTree.Element(
        "testsuite",
        name="python -m bench compare",
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        skipped=str(sum(case.find("skipped") is not None for case in cases)),
        errors="0",
    )
    suite.extend(cases)
    ElementTree.SubElement(suite, "system-out").text = printable(report.summary)
    # In ASCII, so that it is right whatever standard output is written in.
    return ElementTree.tostring(suite, encoding="us-ascii", xml_declaration=True).decode() + "\n"


def _case(row: Row, finding: Finding) -> ElementTree.Element:
    # XML has no way to write most of what does not print, not even escaped.
    case = ElementTree.Element("testcase", classname=printable(str(row.name)), name=finding.figure.value)
    said = printable(f"{finding.verdict}: {finding.seen}")
    if finding in row.gating:
        failure = ElementTree.SubElement(case, "failure", type=finding.verdict.value, message=said)
        failure.text = printable(basis(finding)) or said
    elif finding.verdict is Verdict.NOT_COMPARABLE:
        ElementTree.SubElement(case, "skipped", message=said)
    else:
        ElementTree.SubElement(case, "system-out").text = printable("; ".join(filter(None, (said, basis(finding)))))
    return case
