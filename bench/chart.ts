/** Draws results as an SVG bar chart that follows the reader's light or dark setting. */
export interface Panel {
  readonly title: string;
  /** Names of the parts of each bar, from left to right. A single part needs no legend. */
  readonly parts: readonly string[];
  readonly bars: readonly { readonly name: string; readonly values: readonly number[] }[];
}

const WIDTH = 880;
const NAMES = 190;
const NUMBERS = 80;
const LINE = 24;
const BAR = 16;
const HEADING = 44;

const STYLE = `
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.paper { fill: #ffffff }
.part0 { fill: #2f6fb3 }
.part1 { fill: #e0913a }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .paper { fill: #0d1117 }
  .part0 { fill: #6cb0f5 }
  .part1 { fill: #f0ad5b }
}
`;

/** The chart as SVG text: the panels one below another, each with its own scale. */
export function chart(heading: string, panels: readonly Panel[]): string {
  let top = HEADING;
  const drawn = panels.map((panel) => {
    const text = draw(panel, top);
    top += (panel.bars.length + 2) * LINE;
    return text;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}" role="img">
<title>${escape(heading)}</title>
<style>${STYLE}</style>
<rect class="paper" width="${WIDTH}" height="${top}"/>
<text x="16" y="26">${escape(heading)}</text>
${drawn.join("\n")}
</svg>
`;
}

function draw({ title, parts, bars }: Panel, top: number): string {
  const most = Math.max(...bars.map(({ values }) => sum(values)), Number.MIN_VALUE);
  const scale = (WIDTH - NAMES - NUMBERS - 16) / most;
  const lines = [`<text class="title" x="16" y="${top + 16}">${escape(title)}</text>`];
  if (parts.length > 1) lines.push(legend(parts, top));
  for (const [index, { name, values }] of bars.entries()) {
    const y = top + (index + 1) * LINE;
    lines.push(`<text x="${NAMES - 8}" y="${y + 13}" text-anchor="end">${escape(name)}</text>`);
    let x = NAMES;
    for (const [part, value] of values.entries()) {
      const width = value * scale;
      lines.push(`<rect class="part${part}" x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${BAR}"/>`);
      x += width;
    }
    lines.push(`<text x="${(x + 6).toFixed(1)}" y="${y + 13}">${short(sum(values))}</text>`);
  }
  return lines.join("\n");
}

function legend(parts: readonly string[], top: number): string {
  return parts
    .map((name, part) => {
      const x = NAMES + 220 + part * 90;
      return `<rect class="part${part}" x="${x}" y="${top + 4}" width="12" height="12"/><text x="${x + 18}" y="${top + 15}">${escape(name)}</text>`;
    })
    .join("");
}

function short(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(1);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
