import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useText } from '../i18n'
import { Button, Choice } from '../ui/controls'
import type { PayFormProps } from './pay-form'

/** The publishable key of a server without Stripe keys, which uses the sandbox. */
export const SANDBOX_KEY = 'pk_test_sandbox'

const CARDS = {
  pm_card_visa: '4242 4242 4242 4242',
  pm_card_authenticationRequired: '4000 0027 6000 3184',
  pm_card_chargeDeclined: '4000 0000 0000 0002',
  pm_card_chargeDeclinedInsufficientFunds: '4000 0000 0000 9995',
} as const
type Card = keyof typeof CARDS

export function SandboxForm({ intent, busy, onSent }: PayFormProps) {
  const { t } = useText()
  const [card, setCard] = useState<Card>('pm_card_visa')
  const pay = useMutation({
    mutationFn: (request: PayRequest) => payInSandbox(intent.clientSecret, request),
    onSuccess: (outcome) => outcome === 'sent' && onSent(),
    onError: onSent,
  })
  const isBusy = busy || pay.isPending
  const isAsked = pay.data === 'asks' || (pay.isPending && pay.variables.verb === 'authenticate')
  if (isAsked)
    return <Question busy={isBusy} onAnswer={(outcome) => pay.mutate({ verb: 'authenticate', outcome })} />
  return (
    <>
      <p className="soft">{t.pay.sandbox}</p>
      <Choice<Card>
        label={t.pay.card}
        value={card}
        onChange={setCard}
        options={(Object.keys(CARDS) as Card[]).map((value) => ({
          value,
          label: `${CARDS[value]} · ${t.pay.cards[value]}`,
        }))}
      />
      {pay.data === 'declined' && (
        <p className="error" role="alert">
          {t.refusals.PAYMENT_FAILED} {t.pay.another}
        </p>
      )}
      <Button
        look="main"
        disabled={isBusy}
        onClick={() => pay.mutate({ verb: 'confirm', payment_method: card })}
      >
        {t.pay.now}
      </Button>
    </>
  )
}

/** Simulates the bank's 3-D Secure prompt. */
function Question({ busy, onAnswer }: { busy: boolean; onAnswer(outcome: 'approved' | 'refused'): void }) {
  const { t } = useText()
  const question = useRef<HTMLElement>(null)
  // The focused button is gone.
  useEffect(() => question.current?.focus(), [])
  return (
    <section ref={question} tabIndex={-1} className="pay" aria-label={t.pay.asks}>
      <p className="strong">{t.pay.asks}</p>
      <p className="soft">{t.pay.asksText}</p>
      <div className="actions">
        <Button disabled={busy} onClick={() => onAnswer('refused')}>
          {t.pay.refuse}
        </Button>
        <Button look="main" disabled={busy} onClick={() => onAnswer('approved')}>
          {t.pay.approve}
        </Button>
      </div>
    </section>
  )
}

type PayRequest = { verb: 'confirm'; payment_method: Card } | { verb: 'authenticate'; outcome: string }
/** `sent`: may be paid; only the server knows. */
type Outcome = 'sent' | 'asks' | 'declined'

/**
 * Calls the sandbox as Stripe's script calls Stripe: with the publishable key and the client secret.
 * @throws if the result is unknown
 */
async function payInSandbox(clientSecret: string, { verb, ...params }: PayRequest): Promise<Outcome> {
  const [id] = clientSecret.split('_secret_')
  const response = await fetch(`/sandbox/stripe/v1/payment_intents/${id}/${verb}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${SANDBOX_KEY}` },
    body: new URLSearchParams({ client_secret: clientSecret, ...params }),
  })
  if (response.status === 402) return 'declined'
  if (!response.ok) throw new Error(`sandbox request failed with status ${response.status}`)
  const { status }: { status: string } = await response.json()
  if (status === 'requires_action') return 'asks'
  return status === 'requires_payment_method' ? 'declined' : 'sent'
}
