// The operator's page, live: fetches itself every few seconds and takes over what changed, and draws the charts
// by uPlot. Without this file the page is whole; a button refreshes it.
"use strict";

(() => {
  const PERIOD_MS = 5000;
  // As the session: looking on is no use of the page, so that a screen left alone signs itself out.
  const ASLEEP_AFTER_MS = 10 * 60 * 1000;
  const SAID_EVERY_MS = 60 * 1000;

  const button = document.getElementById("live");
  const said = document.getElementById("said");
  const plots = new Map();
  let timer = 0;
  let usedAt = Date.now();
  let saidAt = 0;

  const reading = (root) => {
    const block = root.getElementById("series");
    return block ? JSON.parse(block.textContent) : null;
  };

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const options = (chart, width) => {
    const labels = [...chart.querySelectorAll(".key")].map((key) => key.textContent);
    const clock = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 16);
    const axis = { stroke: colour("--faint"), grid: { stroke: colour("--edge"), width: 1 } };
    const shares = chart.dataset.chart === "shares";
    const shown = (value) => (value === null || value === undefined ? "–"
      : shares ? `${Math.round(value * 100)}%` : Math.round(value).toLocaleString("en"));
    return {
      width, height: 200,
      legend: { live: true },
      scales: { y: { range: (_, low, high) => [0, Math.max(high, shares ? 1 : 5) * 1.05] } },
      axes: [{ ...axis, values: (_, ticks) => ticks.map(clock) }, { ...axis, size: 64, values: (_, ticks) => ticks.map(shown) }],
      series: [
        {
          label: chart.parentElement.dataset.time,
          value: (_, at) => (at ? new Date(at * 1000).toISOString().slice(11, 19) : "–"),
        },
        ...labels.map((label, index) => ({
          label, width: 2, spanGaps: false,
          stroke: colour(`--line-${index + 1}`), dash: index ? [6, 4] : undefined,
          value: (_, value) => shown(value),
        })),
      ],
    };
  };

  const draw = (series) => {
    if (!series || typeof uPlot === "undefined") return;
    for (const chart of document.querySelectorAll("[data-chart]")) {
      const data = [series.seconds, ...series.charts[chart.dataset.chart]];
      const plot = plots.get(chart);
      if (plot) {
        plot.setData(data);
        continue;
      }
      const place = document.createElement("div");
      place.className = "plot";
      const picture = chart.querySelector("[data-live]");
      place.setAttribute("role", "img"); // the numbers are in the table below
      place.setAttribute("aria-label", picture.querySelector("svg").getAttribute("aria-label"));
      picture.before(place);
      plots.set(chart, new uPlot(options(chart, place.clientWidth || 480), data, place));
      picture.hidden = true;
      chart.querySelector(".axis").hidden = true;
      chart.setAttribute("data-drawn", "uplot");
    }
  };

  const say = (text) => {
    if (Date.now() - saidAt < SAID_EVERY_MS) return;
    saidAt = Date.now();
    said.textContent = text;
  };

  const takeOver = (fresh) => {
    const before = document.querySelector(".facts");
    const after = fresh.querySelector(".facts");
    if (before && after && before.dataset.state !== after.dataset.state) say(after.dataset.said);
    for (const part of fresh.querySelectorAll("[data-live]")) {
      const own = document.querySelector(`[data-live="${CSS.escape(part.dataset.live)}"]`);
      if (!own || own.contains(document.activeElement) || own.innerHTML === part.innerHTML) continue;
      own.replaceChildren(...document.importNode(part, true).childNodes);
      if (own.dateTime !== undefined) own.dateTime = part.dateTime;
    }
    draw(reading(document));
  };

  const stop = (text) => {
    clearInterval(timer);
    timer = 0;
    button.setAttribute("aria-pressed", "false");
    button.textContent = button.dataset.on;
    if (text) said.textContent = text;
  };

  const look = async () => {
    if (document.hidden) return;
    if (Date.now() - usedAt > ASLEEP_AFTER_MS) {
      stop(button.dataset.asleep);
      return;
    }
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
      if (answer.redirected) {
        stop(button.dataset.ended);
      } else if (answer.ok) {
        takeOver(new DOMParser().parseFromString(await answer.text(), "text/html"));
      }
    } catch {
      // The next look may find the server again; the time beside the button says how old all is.
    }
  };

  const start = () => {
    usedAt = Date.now();
    said.textContent = "";
    timer = setInterval(look, PERIOD_MS);
    button.setAttribute("aria-pressed", "true");
    button.textContent = button.dataset.off;
  };

  for (const kind of ["pointerdown", "keydown"]) {
    document.addEventListener(kind, () => { usedAt = Date.now(); }, { passive: true });
  }
  addEventListener("resize", () => {
    for (const [chart, plot] of plots) {
      plot.setSize({ width: chart.querySelector(".plot").clientWidth, height: 200 });
    }
  }, { passive: true });
  button.addEventListener("click", () => (timer ? stop("") : (start(), look())));
  button.hidden = false;
  start();
  draw(reading(document));
})();
