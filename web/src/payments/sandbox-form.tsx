import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useText } from '../i18n'
import { Button, Choice } from '../ui/controls'
import type { PayFormProps } from './pay-dialog'

/** What a server without keys of Stripe's gives as its publishable key: a stand-in takes test cards there. */
export const SANDBOX_KEY = 'pk_test_sandbox'

const CARDS = {
  pm_card_visa: '4242 4242 4242 4242',
  pm_card_chargeDeclined: '4000 0000 0000 0002',
  pm_card_chargeDeclinedInsufficientFunds: '4000 0000 0000 9995',
} as const
type Card = keyof typeof CARDS

export function SandboxForm({ intent, busy, onPaid }: PayFormProps) {
  const { t } = useText()
  const [card, setCard] = useState<Card>('pm_card_visa')
  const pay = useMutation({ mutationFn: () => payInSandbox(intent.clientSecret, card), onSuccess: onPaid })
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
      {pay.error && (
        <p className="error" role="alert">
          {t.refusals.PAYMENT_FAILED} {t.pay.another}
        </p>
      )}
      <Button look="main" disabled={busy || pay.isPending} onClick={() => pay.mutate()}>
        {t.pay.now}
      </Button>
    </>
  )
}

/** As Stripe's own script does: with the publishable key, and the secret of this one intent. */
async function payInSandbox(clientSecret: string, card: Card): Promise<void> {
  const [id] = clientSecret.split('_secret_')
  const response = await fetch(`/sandbox/stripe/v1/payment_intents/${id}/confirm`, {
    method: 'POST',
    headers: { authorization: `Bearer ${SANDBOX_KEY}` },
    body: new URLSearchParams({ client_secret: clientSecret, payment_method: card }),
  })
  if (!response.ok) throw new Error('the card was declined')
}
