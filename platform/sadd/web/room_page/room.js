"use strict";
// The live part of the waiting room. Without it the page does all the same, by its buttons. It asks for the room's
// public status only, which is one answer for everybody; what it cannot tell from that it asks the page for anew.
(() => {
  const $ = (id) => document.getElementById(id), root = document.documentElement;
  const SAY_MS = 60000, FIVE_MS = 300000, ONE_MS = 60000, SPREAD_MS = 2000;
  let d, speak, words, clock, timer, asked = 0, failures = 0, ends = 0;
  let spoken = -SAY_MS, held = "", heldTimer = 0;

  // Texts: {name} stands for a value, which is isolated; a text that depends on a number has its forms.
  const isolated = (value) => `\u2068${value}\u2069`;
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => isolated(values[name]));
  const formed = (forms, n, values) =>
    fill((n === 0 && forms.zero) || forms[words.select(n)] || forms.other, { n: speak.format(n), ...values });
  const told = (ms, up) => {
    const round = up ? Math.ceil : Math.floor, minutes = round(ms / 60000);
    return minutes < 100 ? ["minutes", minutes] : ["hours", round(minutes / 60)];
  };
  const lasts = (ms, up) => { const [unit, n] = told(ms, up); return formed(d.texts[unit], n); };
  const interval = (low, high) => {
    const [from, least] = told(low), [unit, most] = told(high, true), t = d.texts;
    if (high < 60000) return formed(t.minutes, 0);
    if (from === unit && least === most) return fill(t.about, { duration: formed(t[unit], most) });
    if (least === 0) return fill(t.up_to, { duration: formed(t[unit], most) });
    if (from === unit) return formed(t[`${unit}_range`], most, { low: speak.format(least) });
    return fill(t.range, { low: formed(t[from], least), high: formed(t[unit], most) });
  };
  const put = (id, text) => { const at = $(id); if (at && at.textContent !== text) at.textContent = text; };

  // To a screen reader: at marks only, once a minute at most, the last mark that was reached; the turn at once.
  const say = (text, now) => {
    clearTimeout(heldTimer);
    held = text;
    heldTimer = setTimeout(() => { spoken = performance.now(); put("say", held); },
      now ? 0 : Math.max(spoken + SAY_MS - performance.now(), 500));
  };
  // The marks of this place that were said already, also before a reload; where nothing may be kept, of this page.
  let marks = null;
  const known = () => {
    if (marks) return marks;
    try { marks = JSON.parse(sessionStorage.getItem(`${d.status} ${d.number}`)); } catch { /* as if none */ }
    return (marks = marks || {});
  };
  const reach = (name, ahead) => {
    if (known()[name]) return false;
    marks[name] = ahead + 1;
    try { sessionStorage.setItem(`${d.status} ${d.number}`, JSON.stringify(marks)); } catch { /* kept here */ }
    return true;
  };
  const mark = (ahead, low, high) => {
    const middle = (low + high) / 2;
    let reached = reach("entered", ahead) ? "entered" : "";
    for (const [name, is] of [
      ["halved", ahead + 1 <= known().entered / 2],
      ["five", high && middle <= FIVE_MS],
      ["one", high && middle <= ONE_MS],
    ]) if (is && reach(name, ahead) && reached !== "entered") reached = name;
    const wait = high ? interval(low, high) : d.texts.unknown;
    if (reached) say(fill(d.said[reached], { ahead: formed(d.texts.ahead, ahead), wait }));
  };

  const show = (s) => {
    const lane = d.lane && s.lanes && s.lanes[d.lane] ? s.lanes[d.lane] : s;
    const position = d.number - lane.serving, ahead = Math.max(position - 1, 0);
    if (position <= 0) return fresh();
    const low = s.pace ? (position / s.pace.high_per_minute) * 60000 : 0;
    const high = s.pace ? (position / s.pace.low_per_minute) * 60000 : 0;
    put("ahead", formed(d.texts.ahead, ahead));
    if (d.state === "waiting") {
      put("wait", high ? interval(low, high) : d.texts.unknown);
      document.title = fill(d.texts.title, { ahead: formed(d.texts.ahead, ahead) });
      mark(ahead, low, high);
    }
    if (s.stock_left !== undefined && s.stock_left !== null && (s.stock_left <= ahead) !== d.short) {
      d.short = s.stock_left <= ahead;
      fresh();
    }
    d.poll = Math.min(Math.max(low / 4, 3000), 30000);
  };
  const poll = async () => {
    try {
      const answer = await fetch(d.status, { headers: { accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.status);
      const s = await answer.json(), state = s.state === "open" ? "queueing" : s.state;
      failures = 0;
      put("updated", clock.format(new Date()));
      if (d.room !== state || (s.message ? s.message[root.lang] : null) !== d.message) fresh();
      else if (d.state === "waiting" || d.state === "paused") show(s);
    } catch { failures = Math.min(failures + 1, 4); }
    next();
  };
  const next = () => {
    clearTimeout(timer);
    timer = setTimeout(poll, Math.max(d.poll * 2 ** failures, 3000) * (0.9 + Math.random() / 5));
  };

  // The server's own words for a new state. A crowd that is called at once does not ask in one instant.
  const fresh = () => {
    clearTimeout(asked);
    asked = setTimeout(async () => {
      const form = new URLSearchParams(new FormData($("looks")));
      form.set("do", "check");
      const how = d.ticket ? { method: "POST", body: form } : {};
      try {
        const answer = await fetch(d.ticket ? $("looks").action : location.href, how);
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const place = page.getElementById("place");
        if (!place) return;
        const focused = document.activeElement && document.activeElement.id;
        $("place").replaceWith(document.adoptNode(place));
        document.title = page.title;
        if (focused && $(focused)) $(focused).focus();
        const before = d.state;
        begin();
        if (d.state === "called" && before !== "called") say(d.said.turn, true);
        else if (d.state !== before && d.texts) say(fill(d.texts.changed, { heading: $("now").textContent }));
      } catch { next(); }
    }, Math.random() * SPREAD_MS);
  };

  // The turn: the time left is shown, and told once in its last minute; it never moves the visitor by itself.
  const count = () => {
    clearTimeout(timer);
    if (d.state !== "called" || !ends) return;
    const left = ends - performance.now();
    if (left <= 0) return fresh();
    const until = clock.format(new Date(Date.now() + left));
    put("until", fill(d.texts.until, { time: until, left: lasts(left) }));
    if (left <= ONE_MS && !count.told) { count.told = true; say(d.said.ending, true); }
    timer = setTimeout(count, Math.min(left, 5000));
  };

  const begin = () => {
    d = JSON.parse($("data").textContent);
    clearTimeout(timer);
    if (!d.status) return;
    words = new Intl.PluralRules(d.locale);
    speak = new Intl.NumberFormat(d.locale);
    clock = new Intl.DateTimeFormat(d.locale,
      { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: d.zone });
    if (d.state === "called") {
      ends = d.ends === null || d.ends === undefined ? 0 : performance.now() + d.ends;
      count.told = false;
      count();
    } else next();
  };

  // A place from another device: the code waits in the form for its button. A ticket of this very browser, which keeps
  // no cookies, is shown at once. Both come in the fragment, which no server and no log sees.
  const arrive = () => {
    const given = new URLSearchParams(location.hash.slice(1));
    const bare = location.pathname + location.search;
    if (given.get("code") && $("code")) {
      history.replaceState(null, "", bare);
      $("code").value = given.get("code");
      $("code").focus();
    } else if (given.get("ticket") && d.state === "join") {
      const shown = document.createElement("input");
      Object.assign(shown, { type: "hidden", name: "ticket", value: given.get("ticket") });
      const word = Object.assign(document.createElement("input"), { type: "hidden", name: "do", value: "check" });
      history.replaceState(null, "", bare);
      $("looks").append(shown, word);
      $("looks").submit();
    } else if (d.ticket) history.replaceState(null, "", `${bare}#ticket=${d.ticket}`);
  };

  // The check of a visitor who pressed a button: done in a worker, then his button is pressed for him.
  const work = () => {
    if (!d.work) return;
    const solver = new Worker("/v1/challenges/work.js");
    solver.onmessage = (found) => {
      $("work").value = found.data.shown;
      $("act").requestSubmit($("act").querySelector("button"));
    };
    solver.postMessage(d.work);
  };

  root.classList.add("live");
  begin();
  arrive();
  work();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && d.status && d.state !== "called") { clearTimeout(timer); poll(); }
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) fresh(); });
})();
