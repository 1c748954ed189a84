/* Plots, by plotly, which is loaded when the first plot comes into view. */
"use strict";

(() => {
  const { el } = kdbench;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const COLOURS = {
    light: ["#2b6a99", "#c4512f", "#2f8a57", "#8457a6", "#b07d00", "#2f9090", "#bb4a76", "#6b7a1f", "#7d6450", "#4c5fb5"],
    dark: ["#7db6e0", "#f0906c", "#74cb97", "#c09be0", "#e3bb55", "#6fcccc", "#ef8fb3", "#b5c463", "#c4a98f", "#98a7f0"],
  };
  const DASHES = ["solid", "dash", "dot", "dashdot"];
  const SYMBOLS = ["circle", "diamond", "square", "triangle-up", "cross"];
  const CONFIG = {
    responsive: true,
    displaylogo: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  };
  let plotly = null;
  let figures = [];

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** Colour, dash and symbol of the row with this number: no two of 40 look the same. */
  kdbench.look = (number) => {
    const colours = dark.matches ? COLOURS.dark : COLOURS.light;
    const round = Math.floor(number / colours.length);
    return {
      color: colours[number % colours.length],
      dash: DASHES[round % DASHES.length],
      symbol: SYMBOLS[round % SYMBOLS.length],
    };
  };

  /** Text as plotly shows it as it is: plotly takes some markup. */
  kdbench.plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  /** A horizontal line at the target, with its name. */
  kdbench.targetLine = (target) =>
    target === null
      ? {}
      : {
          shapes: [
            { type: "line", xref: "paper", x0: 0, x1: 1, y0: target, y1: target, line: { color: style("--ink"), width: 1, dash: "dash" } },
          ],
          annotations: [
            { xref: "paper", x: 1, xanchor: "right", y: target, yanchor: "bottom", showarrow: false, text: `τ = ${target.toFixed(2)}` },
          ],
        };

  const axis = (given) => ({
    gridcolor: style("--line"),
    linecolor: style("--line"),
    zeroline: false,
    automargin: true,
    ...given,
    title: { text: given.title, font: { size: 13 }, standoff: 12 },
  });

  const layout = (given) => ({
    margin: { t: 16, r: 16, b: 48, l: 56 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: style("--sans"), size: 12, color: style("--soft") },
    hoverlabel: { bgcolor: style("--surface"), bordercolor: style("--line"), font: { color: style("--ink"), family: style("--sans") } },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: style("--line"), activecolor: style("--accent") },
    hovermode: "closest",
    dragmode: "zoom",
    showlegend: false,
    ...given,
    xaxis: axis(given.xaxis),
    yaxis: axis(given.yaxis),
  });

  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      figures.find((figure) => figure.stage === target)?.draw();
    }
  });

  /**
   * A figure. content() gives {traces, layout} or a promise of them; clicked(point) is called for a click on a point.
   * Gives {node, draw()}.
   */
  kdbench.figure = (caption, content, clicked = null) => {
    const stage = el("div", { class: "plot", role: "img", "aria-label": caption });
    let turn = 0;
    const draw = async () => {
      const mine = ++turn;
      plotly = plotly || kdbench.script("assets/plotly.min.js");
      const [given] = await Promise.all([content(), plotly]);
      if (mine !== turn || !stage.isConnected) return;
      await Plotly.react(stage, given.traces, layout(given.layout), CONFIG);
      stage.dataset.drawn = String(mine);
      if (clicked) {
        stage.removeAllListeners("plotly_click");
        stage.on("plotly_click", ({ points }) => clicked(points[0]));
      }
    };
    figures.push({ stage, draw });
    seen.observe(stage);
    return { node: el("figure", {}, stage, el("figcaption", {}, caption)), draw };
  };

  /** Lets go of the plots that are no longer on the page. */
  kdbench.forgetFigures = () => {
    for (const { stage } of figures.filter(({ stage }) => !stage.isConnected)) {
      seen.unobserve(stage);
      if (stage.dataset.drawn) Plotly.purge(stage);
    }
    figures = figures.filter(({ stage }) => stage.isConnected);
  };

  dark.addEventListener("change", () => figures.forEach(({ stage, draw }) => stage.dataset.drawn && draw()));
})();
