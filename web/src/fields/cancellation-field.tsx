import type { Space } from '@coworkspace/client'
import { useText } from '../i18n'
import { Button, TextField } from '../ui/controls'

type Cancellation = Space['cancellation']
/** The server's default terms. */
export const USUAL_TERMS: Cancellation = [{ hoursBefore: 24, refundPercent: 100 }]
type CancellationFieldProps = { tiers: Cancellation; onChange(tiers: Cancellation): void }

/** Refund tiers by hours before the start. No refund if none applies. */
export function CancellationField({ tiers, onChange }: CancellationFieldProps) {
  const { t } = useText()
  const change = (index: number, part: Partial<Cancellation[number]>) =>
    onChange(tiers.map((tier, at) => (at === index ? { ...tier, ...part } : tier)))
  return (
    <fieldset className="hours">
      <legend className="strong">{t.operator.cancellation}</legend>
      {tiers.length === 0 && <p className="soft">{t.operator.noCancellation}</p>}
      {tiers.map(({ hoursBefore, refundPercent }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: tiers have no id
        <div key={index} className="row ends">
          <TextField
            className="short"
            label={t.operator.hoursBefore}
            name={`cancellation.${index}.hoursBefore`}
            type="number"
            min={0}
            max={8760}
            required
            value={String(hoursBefore)}
            onChange={(text) => change(index, { hoursBefore: Number(text) })}
          />
          <TextField
            className="short"
            label={t.operator.refundPercent}
            name={`cancellation.${index}.refundPercent`}
            type="number"
            min={0}
            max={100}
            required
            value={String(refundPercent)}
            onChange={(text) => change(index, { refundPercent: Number(text) })}
          />
          <Button
            look="quiet"
            aria-label={`${t.state.remove}: ${t.operator.hoursBeforeOf(hoursBefore)}`}
            onClick={() => onChange(tiers.filter((_, at) => at !== index))}
          >
            ✕ {t.state.remove}
          </Button>
        </div>
      ))}
      {tiers.length < 10 && (
        <Button
          look="quiet"
          of={t.operator.cancellation}
          onClick={() => onChange([...tiers, ...USUAL_TERMS])}
        >
          {t.state.add}
        </Button>
      )}
    </fieldset>
  )
}
