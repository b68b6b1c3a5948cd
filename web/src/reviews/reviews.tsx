import type { Outputs } from '@coworkspace/client'
import type { ReactNode } from 'react'
import { client, trpc } from '../api'
import { formatMoment } from '../format'
import { useText } from '../i18n'
import { PagedList } from '../ui/lists'
import { usePages } from '../ui/pages'
import { StarsShown } from '../ui/stars'

export type Review = Outputs['reviews']['create']

type ReviewsProps = {
  of: { spaceId: string } | { specialistId: string }
  /** Author of the replies. */
  name: string
  actions?: (review: Review) => ReactNode
  /** Omits the heading, on a page of reviews only. */
  alone?: boolean
}

export function Reviews({ of, name, actions, alone = false }: ReviewsProps) {
  const { t, language } = useText()
  const query = usePages([...trpc.reviews.list.pathKey(), of], (cursor) =>
    client.reviews.list.query({ ...of, limit: 10, cursor }),
  )
  return (
    <section>
      {!alone && <h2>{t.reviews.title}</h2>}
      <PagedList query={query} empty={t.reviews.none}>
        {(review) => (
          <article className="card review">
            <p className="row">
              <StarsShown stars={review.rating} />
              <span className="strong">{review.author}</span>
              <span className="soft">{formatMoment(review.createdAt, language)}</span>
            </p>
            {review.comment && <p className="prose">{review.comment}</p>}
            {review.answer && (
              <div className="answer">
                <p className="soft">{t.reviews.answerOf(name)}</p>
                <p className="prose">{review.answer}</p>
              </div>
            )}
            {actions && <div className="actions">{actions(review)}</div>}
          </article>
        )}
      </PagedList>
    </section>
  )
}
