import { BarChart, CustomChart, ScatterChart, type CustomSeriesOption } from 'echarts/charts';
import { GridComponent, MarkLineComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Bar, Chart } from '../report-charts.ts';

use([BarChart, CustomChart, ScatterChart, GridComponent, MarkLineComponent, SVGRenderer]);

const INK = '#1c2733';
const FONT = 'system-ui, sans-serif';
const FAINT = '#9aa7b4';
const GRID = '#e6eaee';
const ROW_HEIGHT = 34;
const TOP = 8;
const BOTTOM = 44;

/**
 * Horizontal bars as SVG text: the median, its interval as a whisker, each process as a dot, the target as a tick, the
 * ratio at saturation as a diamond.
 */
export function plot({ bars, unit, reference, width, labelWidth }: Chart): string {
  const isNarrow = width < 700;
  const height = TOP + BOTTOM + bars.length * ROW_HEIGHT;
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  const most = Math.max(
    ...bars.flatMap(({ high, target = 0, saturated = 0, values }) => [high, target, saturated, ...values]),
  );
  chart.setOption({
    animation: false,
    textStyle: { fontFamily: FONT, color: INK },
    grid: { left: labelWidth, right: isNarrow ? 70 : 120, top: TOP, bottom: BOTTOM },
    xAxis: {
      type: 'value',
      min: Math.min(0, ...bars.flatMap(({ low, values }) => [low, ...values])),
      max: most * 1.02,
      name: unit,
      nameLocation: 'middle',
      nameGap: 28,
      nameTextStyle: { color: INK, fontSize: 12 },
      splitNumber: isNarrow ? 3 : 5,
      axisLabel: { color: INK, showMaxLabel: false },
      splitLine: { lineStyle: { color: GRID } },
    },
    yAxis: {
      type: 'category',
      inverse: true,
      data: bars.map(({ label }) => label),
      axisTick: { show: false },
      axisLine: { lineStyle: { color: FAINT } },
      axisLabel: { color: INK, fontSize: 13, width: labelWidth - 16, overflow: 'break' },
    },
    series: [
      {
        type: 'bar',
        z: 2,
        barWidth: 16,
        data: bars.map(({ median, colour, isDoubtful = false }) => ({
          value: median,
          itemStyle: { color: colour, borderRadius: [0, 3, 3, 0], opacity: isDoubtful ? 0.3 : 1 },
        })),
        ...(reference === undefined ? {} : { markLine: referenceLine(reference) }),
      },
      {
        type: 'scatter',
        z: 3,
        symbolSize: 5,
        itemStyle: { color: '#fff', borderColor: INK, borderWidth: 1, opacity: 0.55 },
        data: bars.flatMap(({ values }, row) => values.map((value) => [value, row])),
      },
      { type: 'custom', z: 4, renderItem: whiskerAndTarget(bars), data: bars.map((bar, row) => [bar.median, row]) },
    ],
  });
  const svg = chart.renderToSVGString({ useViewBox: true });
  chart.dispose();
  return svg;
}

function referenceLine(at: number): object {
  return {
    silent: true,
    symbol: 'none',
    label: { show: false },
    lineStyle: { color: INK, type: 'dashed', width: 1 },
    data: [{ xAxis: at }],
  };
}

function whiskerAndTarget(bars: readonly Bar[]): CustomSeriesOption['renderItem'] {
  return ({ dataIndex }, api) => {
    const bar = bars[dataIndex];
    if (bar === undefined) return null;
    const at = (value: number): [number, number] => api.coord([value, dataIndex]) as [number, number];
    const [left, y] = at(bar.low);
    const [right] = at(bar.high);
    const [furthest] = at(Math.max(bar.high, bar.target ?? 0, bar.saturated ?? 0, ...bar.values));
    const target = bar.target === undefined ? [] : [at(bar.target)[0]];
    const saturated = bar.saturated === undefined ? [] : [at(bar.saturated)[0]];
    return {
      type: 'group',
      children: [
        line(left, y, right, y, INK, 1.5),
        line(left, y - 5, left, y + 5, INK, 1.5),
        line(right, y - 5, right, y + 5, INK, 1.5),
        ...target.map((x) => line(x, y - 13, x, y + 13, '#b3261e', 2.5)),
        ...saturated.map((x) => diamond(x, y)),
        {
          type: 'text',
          style: {
            x: furthest + 12,
            y,
            text: bar.text,
            fill: INK,
            fontSize: 12,
            fontFamily: FONT,
            verticalAlign: 'middle',
          },
        },
      ],
    } as ReturnType<NonNullable<CustomSeriesOption['renderItem']>>;
  };
}

function line(x1: number, y1: number, x2: number, y2: number, stroke: string, lineWidth: number): object {
  return { type: 'line', shape: { x1, y1, x2, y2 }, style: { stroke, lineWidth } };
}

function diamond(x: number, y: number): object {
  const points = [
    [x, y - 6],
    [x + 6, y],
    [x, y + 6],
    [x - 6, y],
  ];
  return { type: 'polygon', shape: { points }, style: { fill: '#fff', stroke: INK, lineWidth: 1.5 } };
}
