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

  /** Its curve with the target of every group that it stands in. */
  const curves = (groups, rows, key, machine) =>
    groups.map((group, number) => {
      const run = rows[number].runs.find((each) => each.key === key && each.machine === machine);
      return kdbench.section(
        groups.length > 1 ? `Learning curve, with the target of ${group.title}` : "Learning curve",
        kdbench.curves(
          { ...group, budget: run.budget, machines: group.machines.filter(({ name }) => name === machine) },
          [{ ...rows[number], runs: [run] }],
          [rows[number].id],
        ),
      );
    });

  kdbench.views.cell = async (key, machine) => {
    const cell = await kdbench.cell(machine, key);
    const { record } = cell;
    const groups = await Promise.all(cell.places.map(([group]) => kdbench.group(group)));
    const rows = cell.places.map(([, row], number) => groups[number].row(row));
    const [group, row] = [groups[0], rows[0]];
    const { provenance, cell: identity } = record;
    const name = `${row.label}, seed ${identity.seed}`;
    const made = `${provenance.started} at commit ${provenance.commit || "unknown"}${provenance.dirty ? " with changes" : ""}`;
    const file = cell.file.split("/").map((part) => (part === ".." ? part : encodeURIComponent(part))).join("/");
    return {
      title: `${name} · ${group.title}`,
      trail: [
        ...kdbench.trail(group),
        [kdbench.address.row(group, row), row.label],
        [kdbench.address.cell({ key, machine }), `seed ${identity.seed}`],
      ],
      node: el(
        "div",
        {},
        el("h1", {}, name),
        el("p", { class: "lead" }, `${group.title} · on ${machine}${kdbench.share({ budget: identity.budget ?? 1 })}`),
        record.status === "ok"
          ? figures(record)
          : [el("p", { class: "warning" }, `This run failed: ${record.status}.`), el("pre", {}, record.reason)],
        record.status === "ok" ? curves(groups, rows, key, machine) : null,
        kdbench.section(
          "Make it again",
          kdbench.command(provenance.command),
          kdbench.terms([
            ["made", made],
            ["key", el("code", {}, key)],
            ["file", kdbench.link(file, el("code", {}, cell.file))],
          ]),
        ),
        stored(record),
      ),
    };
  };
})();
