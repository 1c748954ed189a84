/* Addresses: what stands after the # says which view is shown. */
"use strict";

(() => {
  const { el } = kdbench;
  const ROUTES = [
    [/^#?\/?$/, () => kdbench.views.overview()],
    [/^#\/group\/([0-9a-f]{12})$/, (group) => kdbench.views.group(group)],
    [/^#\/group\/([0-9a-f]{12})\/row\/([0-9a-f]{12})$/, (group, row) => kdbench.views.row(group, row)],
    [/^#\/cell\/([0-9a-f]{64})\/([a-z0-9-]{1,100})$/, (key, machine) => kdbench.views.cell(key, machine)],
    [/^#\/compare\?(.*)$/, (query) => kdbench.views.compare(new URLSearchParams(query))],
  ];
  let turn = 0;

  const found = async () => {
    for (const [pattern, view] of ROUTES) {
      const parts = location.hash.match(pattern);
      if (parts) return view(...parts.slice(1));
    }
    throw new Error(`This report has no page ${location.hash}.`);
  };

  const lost = (error) => ({
    title: "Not here",
    trail: [],
    node: el("div", {}, el("h1", {}, "Not here"), el("p", { class: "lead" }, error.message), kdbench.link("#/", "To the overview")),
  });

  const show = async (event) => {
    const mine = ++turn;
    const view = await found().catch(lost);
    if (mine !== turn) return;
    document.title = view.title ? `${view.title} · kdbench` : "kdbench";
    document.getElementById("trail").replaceChildren(
      ...view.trail.map(([address, text], number) =>
        el("li", {}, el("a", { href: address, "aria-current": number === view.trail.length - 1 ? "page" : null }, text)),
      ),
    );
    const place = document.getElementById("view");
    place.replaceChildren(view.node);
    kdbench.forgetFigures();
    place.dataset.shown = location.hash;
    if (!event) return;
    scrollTo(0, 0);
    const heading = place.querySelector("h1");
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  };

  addEventListener("hashchange", show);
  show();
})();
