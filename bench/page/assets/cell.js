/* A cell: one run, with its curve, its record and the command that makes it again. */
"use strict";

(() => {
  const { el } = kdbench;
  const INDENT = "  ";

  const simple = (value) => value === null || typeof value !== "object";

  /** JSON for people: a list of plain values stays on one line. */
  const readable = (value, indent = "") => {
    if (simple(value)) return JSON.stringify(value);
    const deeper = indent + INDENT;
    if (Array.isArray(value)) {
      if (value.every(simple)) return `[${value.map((each) => JSON.stringify(each)).join(", ")}]`;
      return `[\n${value.map((each) => deeper + readable(each, deeper)).join(",\n")}\n${indent}]`;
    }
    const pairs = Object.entries(value);
    if (!pairs.length) return "{}";
    return `{\n${pairs.map(([name, each]) => `${deeper}${JSON.stringify(name)}: ${readable(each, deeper)}`).join(",\n")}\n${indent}}`;
  };

  const figures = (record) => {
    const { result, cost, fidelity, calibration } = record;
    const pairs = Object.entries(result.test).map(([name, value]) => [`test ${name}`, value.toFixed(2)]);
    const number = (value) => value.toLocaleString("en", { maximumSignificantDigits: 4 });
    pairs.push(["training time", `${number(cost.train_seconds)} s`], ["steps", number(cost.steps)], ["training FLOPs", cost.train_flops.toExponential(2)]);
    if (fidelity) pairs.push(["agreement with the teacher", fidelity.agreement.toFixed(2)]);
    if (calibration) pairs.push(["calibration error", calibration.ece.toFixed(2)]);
    return kdbench.terms(pairs, "tiles");
  };

  const stored = (record) => {
    const { predictions, ...rest } = record;
    return kdbench.section(
      "Record",
      el("p", { class: "soft" }, "All that is stored, without the packed predictions."),
      el("pre", { class: "record", tabindex: "0" }, readable(rest)),
    );
  };

  kdbench.views.cell = async (key, machine) => {
    const cell = await kdbench.cell(machine, key);
    const { record } = cell;
    const groups = await Promise.all(cell.places.map(([group]) => kdbench.group(group)));
    const rows = cell.places.map(([, row], number) => groups[number].row(row));
    const [group, row] = [groups[0], rows[0]];
    const { provenance } = record;
    const made = `${provenance.started} at commit ${provenance.commit || "unknown"}${provenance.dirty ? " with changes" : ""}`;
    const file = cell.file.split("/").map((part) => (part === ".." ? part : encodeURIComponent(part))).join("/");
    return {
      title: `${row.label}, seed ${record.cell.seed} · ${group.title}`,
      trail: [
        ...kdbench.trail(group),
        [kdbench.address.row(group, row), row.label],
        [kdbench.address.cell({ key, machine }), `seed ${record.cell.seed}`],
      ],
      node: el(
        "div",
        {},
        el("h1", {}, `${row.label}, seed ${record.cell.seed}`),
        el("p", { class: "lead" }, `${group.title} · on ${machine}`),
        record.status === "ok" ? figures(record) : [el("p", { class: "warning" }, `This run failed: ${record.status}.`), el("pre", {}, record.reason)],
        groups.map((each, number) =>
          record.curve
            ? kdbench.section(
                groups.length > 1 ? `Learning curve, with the target of ${each.title}` : "Learning curve",
                kdbench.curves(
                  { ...each, machines: each.machines.filter(({ name }) => name === machine) },
                  [{ ...rows[number], runs: rows[number].runs.filter((run) => run.key === key && run.machine === machine) }],
                  [rows[number].id],
                ),
              )
            : null,
        ),
        kdbench.section("Make it again", kdbench.command(provenance.command)),
        kdbench.terms([
          ["made", made],
          ["key", el("code", {}, key)],
          ["file", kdbench.link(file, el("code", {}, cell.file))],
        ]),
        stored(record),
      ),
    };
  };
})();
