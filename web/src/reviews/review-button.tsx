import type { Booking } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { trpc } from '../api'
import { useText } from '../i18n'
import { makeOld } from '../ui/changes'
import { Button, TextArea } from '../ui/controls'
import { Modal } from '../ui/dialogs'
import { Form } from '../ui/forms'
import { type Stars, StarsField, StarsShown } from '../ui/stars'
import { say } from '../ui/toasts'
import type { Review } from './reviews'

/** How long authors can edit their review. */
const EDIT_MS = 86_400_000

/** Writes a review of a completed booking, or shows it and edits it for a day. */
export function ReviewButton({ booking, of }: { booking: Booking; of: string }) {
  const { t } = useText()
  const [isOpen, setOpen] = useState(false)
  const found = useQuery(trpc.reviews.list.queryOptions({ bookingId: booking.id, limit: 1 })).data
  if (!found) return null
  const [review] = found.items
  const mayChange = !review || Date.now() - Date.parse(review.createdAt) < EDIT_MS
  return (
    <>
      {review && <StarsShown stars={review.rating} />}
      {mayChange && (
        <Button look={review ? 'quiet' : 'plain'} of={of} onClick={() => setOpen(true)}>
          {review ? t.reviews.edit : t.reviews.write}
        </Button>
      )}
      <Modal open={isOpen} title={of} onClose={() => setOpen(false)}>
        {isOpen && <ReviewForm bookingId={booking.id} review={review} onDone={() => setOpen(false)} />}
      </Modal>
    </>
  )
}

type ReviewFormProps = { bookingId: string; review: Review | undefined; onDone(): void }

function ReviewForm({ bookingId, review, onDone }: ReviewFormProps) {
  const { t } = useText()
  const [rating, setRating] = useState<Stars | undefined>(review?.rating)
  const [comment, setComment] = useState(review?.comment ?? '')
  const saved = {
    onSuccess() {
      makeOld(trpc.reviews.pathFilter(), trpc.spaces.pathFilter(), trpc.specialists.pathFilter())
      say(t.reviews.thanks)
      onDone()
    },
  }
  const create = useMutation(trpc.reviews.create.mutationOptions(saved))
  const update = useMutation(trpc.reviews.update.mutationOptions(saved))
  return (
    <Form
      change={review ? update : create}
      action={t.reviews.send}
      onSubmit={() => {
        if (!rating) return
        const said = comment.trim()
        if (review) update.mutate({ id: review.id, rating, comment: said || null })
        else create.mutate({ bookingId, rating, ...(said && { comment: said }) })
      }}
    >
      <StarsField value={rating} onChange={setRating} />
      <TextArea
        label={t.reviews.comment}
        name="comment"
        value={comment}
        onChange={setComment}
        maxLength={5000}
      />
    </Form>
  )
}
