/* The first view: every group of records that may be compared. */
"use strict";

(() => {
  const { el } = kdbench;
  const COLUMNS = [
    ["pair", "Pair", "teacher network → student network", "text"],
    ["protocol", "Protocol", "the written budget: splits, epochs, evaluations, precision", "text"],
    ["notBeaten", "Not beaten", "methods of rank 1: none is significantly better; the highest mean first", "text"],
    ["methods", "Methods", "methods with records", "number"],
    ["seeds", "Seeds", "of the method with most", "number"],
    ["runs", "Runs", "runs that finished", "number"],
    ["failed", "Failed", "runs that failed", "number"],
    ["machines", "Machines", "hardware that made the runs", "number"],
  ];

  const figure = (group, id) => {
    if (id === "machines") return [String(group.machines.length), group.machines.length];
    if (id === "protocol") return [[group.protocol, group.marks].filter(Boolean).join(" · "), null];
    if (id === "notBeaten") return [group.notBeaten.join(", ") || "no order claimed", null];
    if (id === "pair") return [group.pair, null];
    return [group[id].toLocaleString("en"), group[id]];
  };

  const facet = (groups, id, label, changed) => {
    const values = [...new Set(groups.map((group) => group[id]))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    return kdbench.choice(label, [["", "all"], ...values.map((value) => [value, value])], "", changed);
  };

  /** The methods that no other one is significantly better than, of one protocol, with times of one machine. */
  const leading = ({ protocol, table }) => {
    const label = `${protocol}, on ${table.machine}`;
    return kdbench.table({
      label,
      head: table.head,
      columns: table.columns,
      lines: table.lines.map((line) => ({
        id: line.group,
        text: line.label,
        name: kdbench.link(kdbench.address.group({ id: line.group }), line.label),
        figures: line.figures,
      })),
    }).node;
  };

  /** The share of cells in which a method takes at most r times the shortest time to match. */
  const profile = (label, { most, rows }) =>
    kdbench.figure(`Performance profile: ${label}; misses are never within r.`, () => ({
      traces: rows.map((row, number) => {
        const look = kdbench.look(number);
        const known = row.ratios.filter((ratio) => ratio !== null && ratio <= most);
        const name = kdbench.plain(`${row.label} (${row.cells})`);
        return {
          type: "scatter",
          mode: "lines",
          name,
          x: [1, ...known, most],
          y: [0, ...known.map((_, before) => (before + 1) / row.cells), known.length / row.cells],
          line: { shape: "hv", color: look.color, dash: look.dash, width: 1.8 },
          text: Array(known.length + 2).fill(name),
          hovertemplate: "%{text}<br>r = %{x:.2f}: %{y:.0%}<extra></extra>",
        };
      }),
      layout: {
        showlegend: true,
        xaxis: { title: "r: times the shortest time to match" },
        yaxis: { title: "share of cells within r", tickformat: ".0%", range: [-0.02, 1.02] },
      },
    })).node;

  const over = (each) => {
    const label = `${each.protocol}, on ${each.table.machine}`;
    const table = kdbench.table({
      label: `Over tasks: ${label}`,
      head: each.table.head,
      columns: each.table.columns,
      notes: each.table.notes,
      lines: each.table.lines.map(({ label, figures }) => ({ id: label, text: label, name: label, figures })),
    });
    return [table.node, each.profile ? profile(label, each.profile) : null];
  };

  kdbench.views.overview = async () => {
    const { records, groups, leaders, overTasks } = await kdbench.load("overview");
    const title = el("h1", {}, "Knowledge distillation, measured");
    if (!groups.length) {
      return {
        title: "",
        trail: [],
        node: el(
          "div",
          {},
          title,
          el("p", { class: "lead" }, "There are no records yet. The first command makes some, the second makes this page again:"),
          kdbench.command("python -m bench run --methods all --tasks TASK"),
          kdbench.command("python -m bench report"),
        ),
      };
    }
    const picked = { task: "", pair: "", protocol: "" };
    const table = kdbench.table({
      label: "What was measured",
      head: "Task",
      columns: COLUMNS.map(([, title, meaning, kind]) => ({ title, meaning, kind })),
      lines: groups.map((group) => ({
        id: group.id,
        group,
        text: group.task,
        name: kdbench.link(kdbench.address.group(group), group.task),
        figures: COLUMNS.map(([id]) => figure(group, id)),
      })),
    });
    const search = kdbench.filter("Filter by task, pair, protocol, machine", "tables", (words) => {
      const shown = new Set(
        groups.filter((group) => {
          const text = [group.title, ...group.machines].join(" ").toLowerCase();
          return (
            words.every((word) => text.includes(word)) &&
            Object.entries(picked).every(([id, value]) => !value || group[id] === value)
          );
        }),
      );
      table.show((line) => shown.has(line.group));
      return [shown.size, groups.length];
    });
    search.search();
    const pick = (id) => (value) => ((picked[id] = value), search.search());
    return {
      title: "",
      trail: [],
      node: el(
        "div",
        {},
        title,
        el(
          "p",
          { class: "lead" },
          "Every line is a table of its own: one task, one pair of networks, one protocol, one teacher. ",
          "What differs in any of these is never compared.",
        ),
        el(
          "div",
          { class: "tools" },
          search.node,
          facet(groups, "task", "task", pick("task")),
          facet(groups, "pair", "pair", pick("pair")),
          facet(groups, "protocol", "protocol", pick("protocol")),
        ),
        table.node,
        el("p", { class: "soft" }, `${records.toLocaleString("en")} runs stand in these tables; those without a teacher in every group that they fit.`),
        leaders.length ? kdbench.section("In short", leaders.map(leading)) : null,
        overTasks.length ? kdbench.section("Over tasks", overTasks.map(over)) : null,
      ),
    };
  };
})();
