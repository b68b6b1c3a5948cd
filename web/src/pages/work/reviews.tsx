import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { trpc } from '../../api'
import { useText } from '../../i18n'
import { type Review, Reviews } from '../../reviews/reviews'
import { useSaved } from '../../ui/changes'
import { Button, TextArea } from '../../ui/controls'
import { Modal } from '../../ui/dialogs'
import { Form } from '../../ui/forms'
import { WorkPage } from './shell'

export default function WorkReviewsPage() {
  const { t } = useText()
  return (
    <WorkPage title={t.work.reviews}>
      {({ id, name }) => (
        <Reviews
          of={{ specialistId: id }}
          name={name}
          alone
          actions={(review) => <AnswerButton review={review} />}
        />
      )}
    </WorkPage>
  )
}

function AnswerButton({ review }: { review: Review }) {
  const { t } = useText()
  const [isOpen, setOpen] = useState(false)
  const title = review.answer ? t.reviews.answerEdit : t.reviews.answer
  return (
    <>
      <Button of={review.author} onClick={() => setOpen(true)}>
        {title}
      </Button>
      <Modal open={isOpen} title={title} onClose={() => setOpen(false)}>
        {isOpen && <AnswerForm review={review} onDone={() => setOpen(false)} />}
      </Modal>
    </>
  )
}

function AnswerForm({ review, onDone }: { review: Review; onDone(): void }) {
  const { t } = useText()
  const [answer, setAnswer] = useState(review.answer ?? '')
  const save = useMutation(trpc.reviews.answer.mutationOptions(useSaved(onDone, trpc.reviews.pathFilter())))
  return (
    <Form change={save} action={t.reviews.send} onSubmit={() => save.mutate({ id: review.id, answer })}>
      {review.comment && <p className="prose whole">{review.comment}</p>}
      <TextArea
        label={t.reviews.answerText}
        name="answer"
        value={answer}
        onChange={setAnswer}
        maxLength={5000}
        required
      />
    </Form>
  )
}
