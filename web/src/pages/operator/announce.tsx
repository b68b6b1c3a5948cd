import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { trpc } from '../../api'
import { useText } from '../../i18n'
import { Button, TextArea } from '../../ui/controls'
import { Modal } from '../../ui/dialogs'
import { Form } from '../../ui/forms'
import { Loaded } from '../../ui/states'
import { say } from '../../ui/toasts'

const LOOK_AGAIN_MS = 5000
const SHOWN = ['sockets', 'signedIn', 'eventStreams', 'watchedBoards', 'messagesOut'] as const

export function Connected() {
  const { t, language } = useText()
  const [isSpeaking, setSpeaking] = useState(false)
  const stats = useQuery(
    trpc.realtime.stats.queryOptions(undefined, { refetchInterval: LOOK_AGAIN_MS, staleTime: 0 }),
  )
  return (
    <section className="card stack" aria-label={t.operator.connected.title}>
      <div className="row spread">
        <h2>{t.operator.connected.title}</h2>
        <Button onClick={() => setSpeaking(true)}>{t.operator.connected.announce}</Button>
      </div>
      <Loaded query={stats}>
        {(counts) => (
          <dl className="figures">
            {SHOWN.map((name) => (
              <div key={name}>
                <dt className="soft">{t.operator.connected[name]}</dt>
                <dd>{counts[name].toLocaleString(language)}</dd>
              </div>
            ))}
          </dl>
        )}
      </Loaded>
      <Modal open={isSpeaking} title={t.operator.connected.announce} onClose={() => setSpeaking(false)}>
        <Announcement onDone={() => setSpeaking(false)} />
      </Modal>
    </section>
  )
}

function Announcement({ onDone }: { onDone(): void }) {
  const { t } = useText()
  const [message, setMessage] = useState('')
  const announce = useMutation(
    trpc.realtime.announce.mutationOptions({
      onSuccess() {
        say(t.operator.connected.announced)
        onDone()
      },
    }),
  )
  return (
    <Form change={announce} action={t.operator.connected.send} onSubmit={() => announce.mutate({ message })}>
      <p className="soft whole">{t.operator.connected.text}</p>
      <TextArea
        label={t.operator.connected.message}
        name="message"
        value={message}
        onChange={setMessage}
        required
        maxLength={1000}
      />
    </Form>
  )
}
