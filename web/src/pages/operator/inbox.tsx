import type { Outputs } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { client, trpc } from '../../api'
import { formatMoment } from '../../format'
import { useText } from '../../i18n'
import { useSettled } from '../../ui/changes'
import { Button, Choice, optionsOf } from '../../ui/controls'
import { Entry, PagedList } from '../../ui/lists'
import { usePages } from '../../ui/pages'
import { say } from '../../ui/toasts'
import { OperatorPage } from './shell'

type StripeEvent = Outputs['payments']['events']['items'][number]
type State = StripeEvent['state'] | 'any'

/** Polling interval: events are processed in the background. */
const LOOK_AGAIN_MS = 5000

export default function InboxPage() {
  const { t } = useText()
  return (
    <OperatorPage title={t.operator.inbox.title}>
      <p className="soft lead">{t.operator.inbox.text}</p>
      <Inbox />
    </OperatorPage>
  )
}

function Inbox() {
  const { t } = useText()
  const [state, setState] = useState<State>('any')
  const query = usePages(
    [...trpc.payments.events.pathKey(), state],
    (cursor) => client.payments.events.query({ ...(state !== 'any' && { state }), limit: 50, cursor }),
    { refetchInterval: LOOK_AGAIN_MS },
  )
  return (
    <>
      <div className="row filters">
        <Choice<State>
          label={t.operator.status}
          value={state}
          onChange={setState}
          options={[{ value: 'any', label: t.operator.anyStatus }, ...optionsOf(t.operator.inbox.state)]}
        />
      </div>
      <PagedList query={query} empty={t.operator.inbox.empty}>
        {(event) => <EventLine event={event} />}
      </PagedList>
    </>
  )
}

function EventLine({ event }: { event: StripeEvent }) {
  const { t, language } = useText()
  const retry = useMutation(
    trpc.payments.retryEvent.mutationOptions({
      ...useSettled(trpc.payments.pathFilter()),
      onSuccess: () => say(t.operator.inbox.retried),
    }),
  )
  const { id, type, state, intentId, attempts, error, receivedAt, processedAt } = event
  return (
    <Entry
      className={`booking ${state}`}
      title={<code>{type}</code>}
      actions={
        (state === 'failed' || state === 'waiting') && (
          <Button of={id} disabled={retry.isPending} onClick={() => retry.mutate({ id })}>
            {t.operator.inbox.retry}
          </Button>
        )
      }
    >
      <p>
        <span className={`tag ${state}`}>{t.operator.inbox.state[state]}</span>{' '}
        {t.operator.inbox.attempts(attempts)}
      </p>
      {error && <p className="error">{error}</p>}
      <p className="soft wraps">
        {id}
        {intentId && ` · ${intentId}`}
      </p>
      <p className="soft">
        {t.operator.inbox.received(formatMoment(receivedAt, language))}
        {processedAt && ` · ${t.operator.inbox.processed(formatMoment(processedAt, language))}`}
      </p>
    </Entry>
  )
}
