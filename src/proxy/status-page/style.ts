/** How the page looks: system fonts, one accent, red and amber for what is wrong alone. */

export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f6f6f4; --surface: #fff; --line: #e4e4df; --text: #1b1d20; --soft: #5c6168;
  --accent: #3f6fae; --track: #e7eaee;
  --ok: #1d7044; --warning: #855300; --problem: #b3261e;
  --ok-ground: #e8f4ec; --warning-ground: #fdf3dc; --problem-ground: #fcebe9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #111316; --surface: #1a1d21; --line: #2c3036; --text: #e9eaec; --soft: #a0a6ae;
    --accent: #7fadea; --track: #2a2f36;
    --ok: #74d19b; --warning: #f0c050; --problem: #ff968c;
    --ok-ground: #16281e; --warning-ground: #2e2613; --problem-ground: #361c1a;
  }
}
* { box-sizing: border-box; margin: 0; }
body {
  background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
  max-width: 1120px; padding: 24px 20px 40px; margin: 0 auto;
}
h1 { font-size: 26px; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; }
h2 { font-size: 17px; line-height: 1.35; font-weight: 650; }
.bar { display: flex; justify-content: space-between; gap: 4px 16px; flex-wrap: wrap; color: var(--soft); font-size: 13px; margin-bottom: 28px; }
.bar strong { color: var(--text); font-size: 15px; font-weight: 650; margin-right: 6px; }
.bar label { display: inline-flex; align-items: center; gap: 6px; cursor: pointer; }
.bar label[hidden] { display: none; }
.bar input { accent-color: var(--accent); width: 16px; height: 16px; }
.stale { background: var(--warning-ground); color: var(--warning); border-radius: 8px; padding: 8px 14px; margin-bottom: 20px; }
.health { display: flex; gap: 14px; align-items: flex-start; margin-bottom: 24px; }
.health > .sign { flex: none; width: 34px; height: 34px; border-radius: 50%; font-size: 18px; font-weight: 700; line-height: 34px; text-align: center; }
.sign.ok, .badge.ok { background: var(--ok-ground); color: var(--ok); }
.sign.warning, .badge.warning { background: var(--warning-ground); color: var(--warning); }
.sign.problem, .badge.problem { background: var(--problem-ground); color: var(--problem); }
.health p { color: var(--soft); margin-top: 2px; }
.concerns { list-style: none; padding: 0; margin: 0 0 24px; display: grid; gap: 8px; }
.concerns li { border-radius: 8px; padding: 10px 14px; background: var(--warning-ground); }
.concerns li.problem { background: var(--problem-ground); }
.concerns .level { font-weight: 650; color: var(--warning); margin-right: 4px; }
.concerns .problem .level { color: var(--problem); }
.concerns b { font-weight: 600; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: 20px 22px; margin-bottom: 16px; min-width: 0; }
.card > header { display: flex; justify-content: space-between; gap: 12px; align-items: flex-start; }
.registry, .none, .second, .reason, figcaption, .range, dt, th, .empty, summary { color: var(--soft); }
.registry, .second, .reason, .host, .range, dt, th, figcaption { font-size: 13px; }
.badge { flex: none; border-radius: 99px; padding: 1px 11px; font-size: 13px; font-weight: 600; }
.facts, .charts { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 20px 28px; }
.facts { margin: 18px 0 20px; }
.charts h3 { grid-column: 1 / -1; font-size: 13px; font-weight: 500; color: var(--soft); border-top: 1px solid var(--line); padding-top: 14px; margin-bottom: -10px; }
.note { color: var(--soft); margin: 0 4px 16px; }
.fact.warning .words { color: var(--warning); }
.fact.problem .words { color: var(--problem); }
.mark { font-weight: 700; }
dd .host, dd .reason { display: block; line-height: 1.4; }
.life { display: block; width: 100%; height: 3px; border-radius: 2px; margin-top: 7px; }
.track { fill: var(--track); }
.life .left, .bars { fill: var(--accent); }
.fact.warning .left { fill: var(--warning); }
.bad .bars { fill: var(--problem); }
.base { stroke: var(--line); fill: none; vector-effect: non-scaling-stroke; }
.base.unknown { stroke-dasharray: 2 4; }
.chart svg { display: block; width: 100%; height: 44px; shape-rendering: crispEdges; }
figcaption strong { display: block; color: var(--text); font-size: 20px; line-height: 1.35; font-weight: 600; margin-bottom: 6px; }
.bad figcaption strong { color: var(--problem); }
.range { display: flex; justify-content: space-between; flex-wrap: wrap; gap: 0 8px; font-size: 12px; min-height: 1.5em; margin-top: 4px; white-space: nowrap; }
.lists { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; align-items: start; }
.lists .card { margin-bottom: 0; }
.lists .failures { grid-column: 1 / -1; }
.latest h2 { margin-bottom: 10px; }
table { width: 100%; border-collapse: collapse; }
th { text-align: left; font-weight: 500; padding: 0 0 6px; }
td { vertical-align: top; padding: 8px 0; border-top: 1px solid var(--line); }
th.number, td.number { text-align: right; white-space: nowrap; padding-left: 14px; width: 1%; overflow-wrap: normal; }
td.number { color: var(--soft); font-size: 14px; }
.first, .second { display: block; }
.first { line-height: 1.4; }
/* What a phone has no column for. */
.narrow { display: none; }
.tag { color: var(--soft); display: inline-block; }
summary { cursor: pointer; padding: 8px 0 0; border-top: 1px solid var(--line); }
details[open] summary { padding-bottom: 8px; }
details thead, .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
@media (max-width: 860px) {
  .facts, .charts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .lists { grid-template-columns: minmax(0, 1fr); }
}
@media (max-width: 520px) {
  body { padding: 16px 12px 32px; }
  .bar { margin-bottom: 20px; }
  .card { padding: 16px; }
  .facts { grid-template-columns: minmax(0, 1fr); gap: 10px; }
  .fact { display: grid; grid-template-columns: 90px minmax(0, 1fr); }
  .charts { gap: 18px 16px; }
  .lists .roomy { display: none; }
  .lists .narrow { display: inline; }
}
`
