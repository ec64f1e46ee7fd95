import { COLOURS } from './report-charts.ts';

export const LEGEND = `<span class="key"><i style="background:${COLOURS.reached}"></i>reached
<i style="background:${COLOURS['not reached']}"></i>not reached <i class="tick"></i>target <i class="dot"></i>a process
<i class="whisker"></i>95 % interval of the median <i class="diamond"></i>the same, saturated</span>`;

export const HOW_TO_READ = `<ul>
<li><b>Bars</b> are medians over several processes of each server, dots the processes (each the median of its rounds), whiskers the
95 % bootstrap interval of the median over the processes. In tables from before 29 November 2026, which measured one process, a dot is a round.</li>
<li><b>CPU time</b> is user and system time of the server's process, all threads, over the requests it answered while all were
offered the same number per second, evenly spread. It does not depend on how busy the generator was.</li>
<li><b>Ratios</b> are taken within a round, in which all servers are measured in random order, and only then summed up.
Servers whose ratio is taken were started and measured together.</li>
<li><b>Saturated</b> means 40 connections with a request always under way. A faint bar is not to be used: the server had time left, so that
the generator was the limit, or the server did not keep up with the equal rate.</li>
<li>The servers run on one core, the generator and PostgreSQL on another. Every answer is checked; one wrong one ends the run.</li>
</ul>`;

export const STYLE = `
:root { color-scheme: light; --ink: #1c2733; --soft: #5a6876; }
body { margin: 0; background: #f4f6f8; color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header, section { max-width: 1040px; margin: 0 auto; padding: 24px 32px; }
header { padding-top: 48px; }
section { background: #fff; border: 1px solid #e1e6eb; border-radius: 10px; margin-bottom: 24px; }
h1 { font-size: 40px; line-height: 1.1; margin: 0 0 12px; letter-spacing: -0.02em; }
h2 { font-size: 22px; margin: 0 0 4px; } h3 { font-size: 15px; margin: 20px 0 4px; color: var(--soft); }
.lead { font-size: 20px; margin: 0 0 8px; } .facts { color: var(--soft); font-size: 13px; }
p { margin: 4px 0 12px; } li { margin-bottom: 6px; } svg { width: 100%; height: auto; display: block; }
table { border-collapse: collapse; margin-top: 12px; } td { padding: 4px 20px 4px 0; border-top: 1px solid #e6eaee; }
.number { font-variant-numeric: tabular-nums; white-space: nowrap; text-align: right; }
.key { display: block; margin-top: 8px; font-size: 14px; color: var(--soft); }
.key i { display: inline-block; width: 14px; height: 12px; border-radius: 2px; margin: 0 6px 0 14px; vertical-align: -1px; }
.key i:first-child { margin-left: 0; } .key .tick { width: 3px; height: 16px; background: #b3261e; vertical-align: -3px; }
.key .dot { width: 5px; height: 5px; border-radius: 50%; border: 1px solid #1c2733; opacity: .6; vertical-align: 2px; }
.key .diamond { width: 7px; height: 7px; border: 1.5px solid #1c2733; border-radius: 0; transform: rotate(45deg); vertical-align: 1px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 8px; } .pair + .facts ~ .facts { margin: 0; }
@media (max-width: 800px) { .pair { grid-template-columns: 1fr; } header, section { padding: 16px; } h1 { font-size: 30px; } }
.key .whisker { height: 0; border-top: 2px solid #1c2733; width: 18px; border-radius: 0; vertical-align: 4px; }
`;
