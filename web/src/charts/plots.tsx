import {
  Bar,
  BarChart,
  CartesianGrid,
  LabelList,
  Rectangle,
  Scatter,
  ScatterChart,
  Tooltip,
  usePlotArea,
  XAxis,
  YAxis,
} from 'recharts'
import { weekdayName } from '../format'
import { useText } from '../i18n'

type Point = { name: string; value: number }
type BarsProps = {
  label: string
  points: Point[]
  format(value: number): string
  /** Horizontal bars, for a few bars with long names. */
  lying?: boolean
}

const TICK = { fill: 'var(--soft)', fontSize: 12 }
const TOOLTIP = {
  contentStyle: {
    background: 'var(--surface)',
    border: '1px solid var(--line)',
    borderRadius: '0.65rem',
    color: 'var(--text)',
  },
  itemStyle: { color: 'var(--text)' },
  isAnimationActive: false,
}
const LINE_PX = 44

export function Bars({ label, points, format, lying = false }: BarsProps) {
  const bar = (
    <Bar
      dataKey="value"
      name={label}
      fill="var(--free-line)"
      radius={4}
      // Keeps the number visible on an empty bar.
      minPointSize={lying ? 2 : 0}
      isAnimationActive={false}
    >
      {lying && (
        <LabelList
          dataKey="value"
          position="right"
          fill="var(--text)"
          formatter={(value) => format(Number(value))}
        />
      )}
    </Bar>
  )
  const tooltip = (
    <Tooltip {...TOOLTIP} cursor={{ fill: 'var(--taken)' }} formatter={(value) => format(Number(value))} />
  )
  if (lying)
    return (
      <BarChart
        responsive
        layout="vertical"
        data={points}
        title={label}
        margin={{ right: 72 }}
        style={{ width: '100%', height: points.length * LINE_PX }}
      >
        <XAxis type="number" hide />
        <YAxis type="category" dataKey="name" width={130} tick={TICK} tickLine={false} axisLine={false} />
        {tooltip}
        {bar}
      </BarChart>
    )
  return (
    <BarChart
      responsive
      data={points}
      title={label}
      margin={{ top: 8 }}
      style={{ width: '100%', height: 240 }}
    >
      <CartesianGrid vertical={false} stroke="var(--line)" />
      <XAxis dataKey="name" tick={TICK} tickLine={false} minTickGap={16} />
      <YAxis width="auto" tick={TICK} tickLine={false} axisLine={false} tickFormatter={format} />
      {tooltip}
      {bar}
    </BarChart>
  )
}

type Heat = { weekday: number; hour: number; share: number }
type HeatMapProps = { label: string; heats: Heat[]; format(share: number): string }

/** Opacity of a share; 0 stays faintly visible. */
const strengthOf = (share: number): number => 0.06 + 0.94 * share
const SCALE = [0, 0.25, 0.5, 0.75, 1]

/** Draws a cell per weekday and hour; a stronger colour means a larger share. */
export function HeatMap({ label, heats, format }: HeatMapProps) {
  const { language } = useText()
  const hours = heats.map(({ hour }) => hour)
  const [first, last] = [Math.min(...hours), Math.max(...hours)]
  return (
    <ScatterChart
      responsive
      title={label}
      style={{ width: '100%', height: 280 }}
      margin={{ top: 8, right: 0 }}
    >
      <XAxis
        type="number"
        dataKey="hour"
        domain={[first - 0.5, last + 0.5]}
        ticks={Array.from({ length: last - first + 1 }, (_, index) => first + index)}
        interval="preserveStartEnd"
        tick={TICK}
        tickLine={false}
        axisLine={false}
      />
      <YAxis
        type="number"
        dataKey="weekday"
        reversed
        domain={[0.5, 7.5]}
        ticks={[1, 2, 3, 4, 5, 6, 7]}
        interval={0}
        width={44}
        tick={TICK}
        tickLine={false}
        axisLine={false}
        tickFormatter={(weekday: number) => weekdayName(weekday, language).slice(0, 3)}
      />
      <Tooltip
        {...TOOLTIP}
        cursor={false}
        content={({ payload }) => {
          const heat: Heat | undefined = payload[0]?.payload
          return heat ? (
            <p className="card tip">
              {weekdayName(heat.weekday, language)}, {heat.hour}:00: <strong>{format(heat.share)}</strong>
            </p>
          ) : null
        }}
      />
      <Scatter
        data={heats}
        isAnimationActive={false}
        shape={(props: CellProps) => <Cell {...props} hours={last - first + 1} />}
      />
    </ScatterChart>
  )
}

export function HeatScale({ format }: { format(share: number): string }) {
  return (
    <ul className="row scale soft">
      {SCALE.map((share) => (
        <li key={share}>
          <svg width="22" height="14" aria-hidden="true">
            <rect width="22" height="14" rx="3" fill="var(--brand)" fillOpacity={strengthOf(share)} />
          </svg>{' '}
          {format(share)}
        </li>
      ))}
    </ul>
  )
}

type CellProps = { cx?: number; cy?: number; share?: number }

function Cell({ cx = 0, cy = 0, share = 0, hours }: CellProps & { hours: number }) {
  const plot = usePlotArea()
  if (!plot) return null
  const [width, height] = [plot.width / hours - 2, plot.height / 7 - 2]
  return (
    <Rectangle
      x={cx - width / 2}
      y={cy - height / 2}
      width={width}
      height={height}
      radius={3}
      fill="var(--brand)"
      fillOpacity={strengthOf(share)}
    />
  )
}
