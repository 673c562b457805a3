// How the HTML page looks. Colours of text keep a contrast of 4.5 to 1 and more, in light and dark.

export const STYLE = `
:root {
  --ground: #ffffff; --panel: #f4f6f8; --ink: #16202a; --quiet: #4a5866; --line: #cfd6dd; --link: #0b57a4;
  --good: #1d7a3e; --fair: #8a5a00; --poor: #b3261e; --track: #dde3e9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12171c; --panel: #1c242c; --ink: #e6ebf0; --quiet: #a9b5c0; --line: #36424e; --link: #8fc1f7;
    --good: #6fcf8e; --fair: #e7b75a; --poor: #ff9b92; --track: #2c3742;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main, footer { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem; }
h1 { font-size: 1.8rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.35rem; margin: 2.5rem 0 .75rem; padding-bottom: .3rem; border-bottom: 2px solid var(--line); }
h3 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; }
h4 { font-size: 1rem; margin: 0 0 .25rem; }
h5 { font-size: .85rem; margin: 0; color: var(--quiet); }
p, li, dd { overflow-wrap: anywhere; }
td, th { overflow-wrap: break-word; }
a { color: var(--link); }
code { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; overflow-x: auto; margin: .5rem 0; }
pre code { white-space: pre-wrap; }
.status { border: 2px solid currentColor; border-radius: 8px; padding: .75rem 1rem; }
.status p { margin: 0; }
.status strong { font-size: 1.3rem; letter-spacing: .02em; }
.status p + p { color: var(--ink); }
.ready { color: var(--good); } .needs-improvement { color: var(--fair); } .not-ready { color: var(--poor); } .nothing-checked { color: var(--quiet); }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0; }
.figures div { flex: 1 1 14rem; background: var(--panel); border-radius: 8px; padding: .75rem 1rem; }
.figures dd { margin: 0; font-size: 2rem; font-weight: 700; font-variant-numeric: tabular-nums; }
.figures small { font-size: 1rem; font-weight: 400; color: var(--quiet); }
dt { color: var(--quiet); font-size: .9rem; }
.facts { display: grid; gap: .15rem 1.5rem; margin: 1rem 0 0; }
.facts div { display: grid; grid-template-columns: minmax(6.5rem, 9rem) 1fr; }
.facts dd { margin: 0; }
.lead { font-size: 1.05rem; }
figure { margin: 1rem 0; }
figcaption, caption, .about { color: var(--quiet); font-size: .9rem; }
svg { width: 100%; max-width: 32rem; height: auto; }
svg text { fill: var(--ink); font: 15px system-ui, sans-serif; }
svg .track { fill: var(--track); } svg .good { fill: var(--good); } svg .fair { fill: var(--fair); } svg .poor { fill: var(--poor); }
.table { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; min-width: 44rem; font-size: .93rem; }
td { min-width: 4.5rem; } td.number { min-width: 0; }
caption { text-align: left; padding: 0 0 .4rem; font-weight: 600; }
th, td { text-align: left; vertical-align: top; padding: .45rem .6rem; border-bottom: 1px solid var(--line); }
thead th { color: var(--quiet); font-weight: 600; }
tbody th { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.total th, .total td { border-top: 2px solid var(--line); font-weight: 700; }
article { border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1rem; margin: 0 0 1rem; }
article p { margin: .5rem 0; }
article ul { padding-left: 1.2rem; margin: .5rem 0; }
.mark { font-size: .8em; font-weight: 700; letter-spacing: .03em; white-space: nowrap; color: var(--quiet); }
.mark.fail { color: var(--poor); } .mark.warn { color: var(--fair); } .mark.pass { color: var(--good); }
.example { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 0 1rem; }
.example > div { min-width: 0; }
footer { color: var(--quiet); }
@media (max-width: 40rem) { .facts div { grid-template-columns: 1fr; } h1 { font-size: 1.45rem; } }
@media print {
  :root {
    --ground: #fff; --panel: #f4f6f8; --ink: #000; --quiet: #333; --line: #bbb; --link: #000;
    --good: #1d7a3e; --fair: #8a5a00; --poor: #b3261e; --track: #dde3e9;
  }
  body { font-size: 10.5pt; }
  main, footer { max-width: none; padding: 0; }
  h2, h3, h4 { break-after: avoid; }
  article, tr, figure, .status { break-inside: avoid; }
  .table { overflow: visible; }
  table { min-width: 0; }
  svg rect, .figures div { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
