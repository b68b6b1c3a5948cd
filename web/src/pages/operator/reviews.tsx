import type { Outputs } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { client, trpc, useSpaces } from '../../api'
import { formatMoment } from '../../format'
import { useText } from '../../i18n'
import { useSaved, useSettled } from '../../ui/changes'
import { Button, Choice, TextField } from '../../ui/controls'
import { Modal } from '../../ui/dialogs'
import { Form } from '../../ui/forms'
import { Entry, PagedList } from '../../ui/lists'
import { usePages } from '../../ui/pages'
import { StarsShown } from '../../ui/stars'
import { OperatorPage } from './shell'

type Review = Outputs['reviews']['create']
type Shown = 'shown' | 'hidden'

export default function OperatorReviewsPage() {
  const { t } = useText()
  const [shown, setShown] = useState<Shown>('shown')
  return (
    <OperatorPage title={t.operator.reviews.title}>
      <div className="row filters">
        <Choice<Shown>
          label={t.operator.reviews.which}
          value={shown}
          onChange={setShown}
          options={[
            { value: 'shown', label: t.operator.reviews.shown },
            { value: 'hidden', label: t.operator.reviews.hidden },
          ]}
        />
      </div>
      <Reviews key={shown} shown={shown} />
    </OperatorPage>
  )
}

function Reviews({ shown }: { shown: Shown }) {
  const { t } = useText()
  const ask = shown === 'hidden' ? client.reviews.hidden : client.reviews.list
  const query = usePages([...trpc.reviews.pathKey(), 'all', shown], (cursor) =>
    ask.query({ limit: 50, cursor }),
  )
  return (
    <PagedList query={query} empty={t.operator.reviews.empty}>
      {(review) => <ReviewLine review={review} />}
    </PagedList>
  )
}

function ReviewLine({ review }: { review: Review }) {
  const { t, language } = useText()
  const spaces = useSpaces()
  const specialists = useQuery(trpc.specialists.list.queryOptions({ limit: 100 })).data?.items ?? []
  const [hiding, setHiding] = useState(false)
  const show = useMutation(trpc.reviews.show.mutationOptions(useSettled(trpc.reviews.pathFilter())))
  const { id: reviewId, rating, comment, answer, author, hiddenReason, createdAt } = review
  // A booking with both a specialist and a room is a review of the specialist.
  const of = [...specialists, ...spaces].find(
    ({ id }) => id === (review.specialistId ?? review.spaceId),
  )?.name
  return (
    <Entry
      title={<StarsShown stars={rating} />}
      actions={
        hiddenReason === null ? (
          <Button look="quiet" of={author} onClick={() => setHiding(true)}>
            {t.operator.reviews.hide}
          </Button>
        ) : (
          <Button of={author} disabled={show.isPending} onClick={() => show.mutate({ id: reviewId })}>
            {t.operator.reviews.show}
          </Button>
        )
      }
    >
      {comment && <p className="wraps">{comment}</p>}
      {answer && <p className="soft wraps">↳ {answer}</p>}
      <p className="soft">{[author, of, formatMoment(createdAt, language)].filter(Boolean).join(' · ')}</p>
      {hiddenReason !== null && <p className="soft">{t.state.named(t.operator.reason, hiddenReason)}</p>}
      <Modal open={hiding} title={t.operator.reviews.hideTitle(author)} onClose={() => setHiding(false)}>
        <HideForm id={reviewId} onDone={() => setHiding(false)} />
      </Modal>
    </Entry>
  )
}

function HideForm({ id, onDone }: { id: string; onDone(): void }) {
  const { t } = useText()
  const [reason, setReason] = useState('')
  const hide = useMutation(trpc.reviews.hide.mutationOptions(useSaved(onDone, trpc.reviews.pathFilter())))
  return (
    <Form change={hide} action={t.operator.reviews.hide} onSubmit={() => hide.mutate({ id, reason })}>
      <p className="soft whole">{t.operator.reviews.hideText}</p>
      <TextField
        className="whole"
        label={t.operator.reason}
        name="reason"
        value={reason}
        onChange={setReason}
        required
        maxLength={1000}
      />
    </Form>
  )
}
