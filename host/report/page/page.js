/*
 * What the page can do with a script, beside being read: hovering marks a candidate everywhere, the table sorts and
 * filters, limits tell what would be lost, and a page of a run that goes on brings itself up to date. All numbers are
 * those of #data. Texts are put in as texts, never as markup.
 */
"use strict";

(() => {
    let data, candidates, chosen = null;
    const state = { key: null, falling: false, words: "", frontOnly: false, limits: {} };

    /* make("td", {class: "number"}, "text", child, ...) */
    const make = (name, attributes, ...children) => {
        const element = document.createElement(name);
        for (const [key, value] of Object.entries(attributes || {}))
            element.setAttribute(key, value);
        element.append(...children);
        return element;
    };
    const all = (selector) => document.querySelectorAll(selector);
    const keyOf = (element) => element.dataset.candidate;

    function read() {
        data = JSON.parse(document.getElementById("data").textContent);
        candidates = new Map();
        data.runs.forEach((run, place) => run.candidates.forEach((candidate) => {
            candidates.set(`${place}:${candidate.id}`, { ...candidate, place, run: run.path });
        }));
    }

    /* ---- hovering ---- */

    /* The candidate wherever it is drawn, and the lines of its lineage that end at it. */
    function choose(key) {
        if (key === chosen)
            return;
        chosen = key;
        all(".chosen").forEach((element) => element.classList.remove("chosen"));
        if (key)
            all(`[data-candidate="${key}"], [data-ends~="${key}"]`)
                .forEach((element) => element.classList.add("chosen"));
    }

    function tell(candidate) {
        const lines = data.columns.filter((column) => candidate.texts[column.name])
            .map((column) => make("div", null, `${column.title} ${candidate.texts[column.name]}`));
        const made = candidate.baseline || candidate.origin;
        const parents = candidate.parents.length ? ` of ${candidate.parents.join(" and ")}` : "";
        const title = `${data.runs.length > 1 ? candidate.run + ": " : ""}${candidate.id}, ${candidate.state}`;
        return [make("b", null, title), make("div", null, `generation ${candidate.generation}, ${made}${parents}`),
            ...lines, make("div", null, candidate.genome)];
    }

    function hover(event) {
        const tip = document.getElementById("tip");
        const target = event.target.closest ? event.target.closest("svg [data-candidate]") : null;
        const row = event.target.closest ? event.target.closest("[data-candidate]") : null;
        choose(row ? keyOf(row) : null);
        const candidate = target && candidates.get(keyOf(target));
        tip.hidden = !candidate;
        if (!candidate)
            return;
        tip.replaceChildren(...tell(candidate));
        const left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8);
        const below = event.clientY + 14 + tip.offsetHeight < window.innerHeight;
        tip.style.left = `${Math.max(8, left)}px`;
        tip.style.top = `${below ? event.clientY + 14 : Math.max(8, event.clientY - tip.offsetHeight - 10)}px`;
    }

    /* Browsers would show their own tip above ours. */
    function moveTitles() {
        all("svg [data-candidate] > title").forEach((title) => {
            title.parentElement.setAttribute("aria-label", title.textContent);
            title.remove();
        });
    }

    /* ---- the table ---- */

    const valueOf = (candidate, key) => key.split(".").reduce((value, part) => value?.[part], candidate);

    /* What has no value stands last, whichever way. */
    function compare(a, b) {
        const x = valueOf(a, state.key), y = valueOf(b, state.key);
        if (x === undefined || y === undefined)
            return (x === undefined) - (y === undefined);
        const order = typeof x === "number" ? x - y : String(x).localeCompare(String(y));
        return state.falling ? -order : order;
    }

    function arrange() {
        const body = document.querySelector("#candidates tbody");
        const rows = [...body.rows];
        if (state.key)
            rows.sort((a, b) => compare(candidates.get(keyOf(a)), candidates.get(keyOf(b))));
        let shown = 0;
        for (const row of rows) {
            const text = row.textContent.toLowerCase();
            const matches = state.words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
            row.hidden = !matches || (state.frontOnly && !row.classList.contains("front"));
            shown += !row.hidden;
        }
        body.append(...rows);
        all("#candidates th").forEach((head) => {
            if (head.dataset.key === state.key)
                head.setAttribute("aria-sort", state.falling ? "descending" : "ascending");
            else
                head.removeAttribute("aria-sort");
        });
        document.getElementById("shown").textContent = `${shown} of ${rows.length} candidates`;
    }

    function sortBy(key) {
        state.falling = state.key === key && !state.falling;
        state.key = key;
        arrange();
    }

    function makeTable() {
        const place = document.getElementById("table-controls");
        if (!place)
            return;
        const words = make("input", { type: "search", placeholder: "words, such as Rec-1 or child" });
        words.value = state.words;
        const front = make("input", { type: "checkbox" });
        front.checked = state.frontOnly;
        words.addEventListener("input", () => { state.words = words.value.trim(); arrange(); });
        front.addEventListener("change", () => { state.frontOnly = front.checked; arrange(); });
        place.className = "controls";
        place.replaceChildren(make("label", null, "Rows with ", words),
            make("label", null, front, " of the front alone"), make("span", { id: "shown", class: "note" }));
        all("#candidates th[data-key]").forEach((head) => {
            head.classList.add("sorts");
            head.tabIndex = 0;
            head.addEventListener("click", () => sortBy(head.dataset.key));
            head.addEventListener("keydown", (event) => { if (event.key === "Enter") sortBy(head.dataset.key); });
        });
        arrange();
    }

    /* ---- limits ---- */

    const objectives = () => data.columns.filter((column) => column.objective);
    const members = () => [...candidates.values()].filter((candidate) => candidate.state === "front");

    /* The different values of the front, the best first: a limit is one of them. */
    function valuesOf(column) {
        const values = new Map(members().map((member) => [member.metrics[column.name], member.texts[column.name]]));
        return [...values].sort((a, b) => column.larger_is_better ? b[0] - a[0] : a[0] - b[0]);
    }

    const keeps = (candidate, column) => {
        const limit = state.limits[column.name], value = candidate.metrics[column.name];
        return limit === undefined || (column.larger_is_better ? value >= limit : value <= limit);
    };

    /* Of some members, the best of an objective, as a person reads it. */
    function bestOf(some, column) {
        const sign = column.larger_is_better ? -1 : 1;
        const best = some.reduce((least, member) =>
            !least || sign * member.metrics[column.name] < sign * least.metrics[column.name] ? member : least, null);
        return best ? `${best.texts[column.name]} (${best.id})` : "-";
    }

    function lose() {
        const front = members(), left = front.filter((member) => objectives().every((column) => keeps(member, column)));
        const kept = new Set(left.map((member) => `${member.place}:${member.id}`));
        all("[data-candidate]").forEach((element) => {
            const candidate = candidates.get(keyOf(element));
            element.classList.toggle("beyond", candidate?.state === "front" && !kept.has(keyOf(element)));
        });
        const table = make("table", { id: "limit-result" }, make("tr", null, make("th"),
            ...objectives().map((column) => make("th", { class: "number" }, `best ${column.title}`)),
            make("th", { class: "number" }, "members")));
        data.runs.forEach((run, place) => {
            const name = data.runs.length > 1 ? `${run.path}: ` : "";
            for (const [words, some] of [["whole front", front], ["within limits", left]]) {
                const own = some.filter((member) => member.place === place);
                table.append(make("tr", null, make("td", null, name + words),
                    ...objectives().map((column) => make("td", { class: "number" }, bestOf(own, column))),
                    make("td", { class: "number" }, String(own.length))));
            }
        });
        document.getElementById("limit-left").replaceChildren(table);
    }

    function makeLimit(column) {
        const values = valuesOf(column), given = state.limits[column.name];
        const range = make("input", { type: "range", min: 0, max: values.length - 1, step: 1 });
        const at = values.findIndex(([value]) => value === given);
        const word = make("b");
        range.value = at < 0 ? values.length - 1 : at;
        const apply = () => {
            const last = Number(range.value) === values.length - 1;
            const [value, text] = values[Number(range.value)];
            word.textContent = last ? "no limit" : `${column.larger_is_better ? "at least" : "at most"} ${text}`;
            if (last)
                delete state.limits[column.name];
            else
                state.limits[column.name] = value;
        };
        apply();
        range.addEventListener("input", () => { apply(); lose(); });
        return make("label", null, `${column.title}: `, word, range);
    }

    function makeLimits() {
        const place = document.getElementById("limit-controls");
        if (!place || members().length === 0)
            return;
        const result = make("div", { id: "limit-left", class: "wide" });
        place.replaceChildren(make("div", { class: "controls" }, ...objectives().map(makeLimit)), result);
        lose();
    }

    /* ---- live ---- */

    let shown; /* the state of the page, as `now` names it, that was asked for last */

    /* A page that is as it was when it was asked for last is not sent again. */
    async function ask(address) {
        const answer = await fetch(address, { cache: "no-cache" });
        if (!answer.ok)
            throw new Error(`${answer.status}`);
        return new DOMParser().parseFromString(await answer.text(), "text/html");
    }

    /* What stands in the page is replaced by what its address has now; what was sorted, filtered and limited stays. */
    async function refreshPage() {
        const fresh = await ask(location.pathname);
        const colours = document.querySelector(".choice input:checked")?.id;
        const open = new Set([...all("details[open] > summary")].map((summary) => summary.textContent));
        if (fresh.getElementById("data").textContent === document.getElementById("data").textContent)
            return;
        fresh.getElementById("now").replaceWith(document.getElementById("now"));
        document.querySelector("main").replaceWith(fresh.querySelector("main"));
        if (colours && document.getElementById(colours))
            document.getElementById(colours).checked = true;
        for (const summary of all("details > summary"))
            summary.parentElement.open = open.has(summary.textContent);
        prepare();
    }

    async function refresh() {
        try {
            const now = (await ask("now")).getElementById("now");
            document.getElementById("now").replaceWith(now);
            if (now.dataset.page === shown)
                return;
            await refreshPage();
            shown = now.dataset.page;
        } catch (error) {
            const lost = make("p", null, "Nothing answers at this address now: its starcl watch may have ended. " +
                "What was last seen stands below.");
            document.getElementById("now").replaceChildren(make("h2", null, "Now"), lost);
        }
    }

    /* The next time is counted from the end of this one. */
    async function follow() {
        await refresh();
        setTimeout(follow, 1000 * data.refresh_seconds);
    }

    function prepare() {
        chosen = null;
        read();
        moveTitles();
        makeTable();
        makeLimits();
    }

    prepare();
    document.addEventListener("pointermove", hover);
    if (data.refresh_seconds > 0)
        follow();
})();
