/* Two methods of one group: seed by seed, their costs on each machine, their curves. */
"use strict";

(() => {
  const { el } = kdbench;

  /** The board's paired difference, one minus other. It stores one of the two directions. */
  const difference = async (group, one, other) => {
    const stored = await kdbench.load(`differences/${group.id}`);
    if (stored[one.id][other.id]) return stored[one.id][other.id][0];
    const [text] = stored[other.id][one.id];
    return text.replace(/^[+-]/, (sign) => (sign === "+" ? "-" : "+"));
  };

  const counted = (row) => new Map(row.runs.filter((run) => run.counted).map((run) => [run.seed, run]));

  const seeds = (group, one, other) => {
    const [ours, theirs] = [counted(one), counted(other)];
    const all = [...new Set([...ours.keys(), ...theirs.keys()])].sort((a, b) => a - b);
    const signed = (value) => (Math.abs(value) < 0.005 ? "0.00" : `${value > 0 ? "+" : ""}${value.toFixed(2)}`);
    const shown = (run) => (run ? [run.test.toFixed(2), run.test] : ["–", null]);
    return kdbench.table({
      label: `Test ${group.metric}, seed by seed`,
      head: "Seed",
      columns: [
        { title: one.label, kind: "number", explanation: "" },
        { title: other.label, kind: "number", explanation: "" },
        { title: "difference", kind: "number", explanation: "" },
      ],
      legend: false,
      lines: all.map((seed) => {
        const [a, b] = [ours.get(seed), theirs.get(seed)];
        const gap = a && b ? a.test - b.test : null;
        return { id: String(seed), text: String(seed), name: `seed ${seed}`, figures: [shown(a), shown(b), gap === null ? ["–", null] : [signed(gap), gap]] };
      }),
    }).node;
  };

  /** The same figures of both, one a line. */
  const sideBySide = (label, table, one, other) => {
    const find = (row) => table.rows.find(({ name }) => name === row.id);
    const [a, b] = [find(one), find(other)];
    if (!a && !b) return null;
    return kdbench.table({
      label,
      head: "Figure",
      columns: [one, other].map((row) => ({ title: row.label, kind: "number", explanation: "" })),
      legend: false,
      sorts: false,
      lines: table.columns.map((column, number) => ({
        id: column.id,
        text: column.title,
        name: el("span", { title: column.explanation }, column.title),
        figures: [a, b].map((found) => (found ? found.figures[number] : ["–", null])),
      })),
    }).node;
  };

  kdbench.views.compare = async (query) => {
    const group = await kdbench.group(query.get("group"));
    const [one, other] = [group.row(query.get("a")), group.row(query.get("b"))];
    const options = group.rows.map((row) => [row.id, row.label]);
    const go = (a, b) => (location.hash = kdbench.address.compare(group, group.row(a), group.row(b)));
    const same = one === other;
    return {
      title: `${one.label} and ${other.label} · ${group.title}`,
      trail: [...kdbench.trail(group), [kdbench.address.compare(group, one, other), `${one.label} and ${other.label}`]],
      node: el(
        "div",
        {},
        el("h1", {}, kdbench.marked(one), el("span", { class: "soft" }, " and "), kdbench.marked(other)),
        el("p", { class: "lead" }, group.title),
        el(
          "div",
          { class: "tools" },
          kdbench.choice("compare", options, one.id, (value) => go(value, other.id)),
          kdbench.choice("with", options, other.id, (value) => go(one.id, value)),
          kdbench.link(kdbench.address.compare(group, other, one), "Swap"),
        ),
        same
          ? el("p", { class: "empty" }, "Choose two different methods.")
          : [
              kdbench.terms(
                [[`${one.label} − ${other.label}, paired by seed: mean ± 95% interval (seeds)`, await difference(group, one, other)]],
                "tiles",
              ),
              kdbench.section("Accuracy", seeds(group, one, other), sideBySide("Accuracy", group.accuracy, one, other)),
              group.machines.map((machine) => {
                const table = sideBySide(`Costs on ${machine.name}`, machine.costs, one, other);
                return table && kdbench.section(`On ${machine.name}`, table);
              }),
              kdbench.section("Learning curves", kdbench.curves(group, [one, other], [one.id, other.id])),
            ],
      ),
    };
  };
})();
