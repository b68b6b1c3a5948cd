import { Radio } from '@base-ui/react/radio'
import { RadioGroup } from '@base-ui/react/radio-group'
import type { Outputs } from '@coworkspace/client'
import { useId } from 'react'
import { useText } from '../i18n'

type Review = Outputs['reviews']['create']
export type Stars = Review['rating']
const STARS = [1, 2, 3, 4, 5] as const

/** The average rating; nothing without reviews. */
export function Rating({ rating, reviewCount }: { rating: number | null; reviewCount: number }) {
  const { t, language } = useText()
  if (rating === null) return null
  const average = rating.toLocaleString(language, { maximumFractionDigits: 1 })
  return (
    <span className="rating">
      <span aria-hidden="true">
        <span className="star">★</span> {average} ({reviewCount})
      </span>
      <span className="unseen">{t.reviews.average(average, reviewCount)}</span>
    </span>
  )
}

export function StarsShown({ stars }: { stars: Stars }) {
  const { t } = useText()
  return (
    <span>
      <span aria-hidden="true" className="star">
        {'★'.repeat(stars)}
        <span className="off">{'★'.repeat(5 - stars)}</span>
      </span>
      <span className="unseen">{t.reviews.stars(stars)}</span>
    </span>
  )
}

export function StarsField({ value, onChange }: { value: Stars | undefined; onChange(stars: Stars): void }) {
  const { t } = useText()
  const label = useId()
  return (
    <div className="field">
      <span className="label" id={label}>
        {t.reviews.rating}
      </span>
      <RadioGroup
        className="row stars"
        aria-labelledby={label}
        value={value ?? null}
        onValueChange={(chosen) => {
          const stars = STARS.find((one) => one === chosen)
          if (stars) onChange(stars)
        }}
      >
        {STARS.map((stars) => (
          <Radio.Root
            key={stars}
            value={stars}
            aria-label={t.reviews.stars(stars)}
            className={value !== undefined && stars <= value ? 'star' : 'star off'}
          >
            ★
          </Radio.Root>
        ))}
      </RadioGroup>
    </div>
  )
}
