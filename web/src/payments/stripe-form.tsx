import type { Stripe, StripeElements, StripeError } from '@stripe/stripe-js'
// The default entry loads Stripe's script on import; `/pure` waits for the first call.
import { loadStripe } from '@stripe/stripe-js/pure'
import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useText } from '../i18n'
import { Button } from '../ui/controls'
import { Loading } from '../ui/states'
import type { PayFormProps } from './pay-form'

type Paying = { stripe: Stripe; elements: StripeElements }

/** Stripe's Payment Element. Card data stays in Stripe's frame. */
export default function StripeForm({ intent, busy, onSent }: PayFormProps) {
  const { t, language } = useText()
  const place = useRef<HTMLDivElement>(null)
  const [paying, setPaying] = useState<Paying>()
  const [failed, setFailed] = useState(false)
  const { publishableKey, clientSecret } = intent

  useEffect(() => {
    let stop = () => {}
    let isOver = false
    async function show(): Promise<void> {
      const stripe = await loadStripe(publishableKey, { locale: language })
      if (!stripe || !place.current || isOver) return
      const isDark = matchMedia('(prefers-color-scheme: dark)').matches
      const { theme } = document.documentElement.dataset
      const elements = stripe.elements({
        clientSecret,
        appearance: { theme: theme === 'dark' || (theme === 'auto' && isDark) ? 'night' : 'stripe' },
      })
      const element = elements.create('payment')
      element.on('ready', () => setPaying({ stripe, elements }))
      element.on('loaderror', () => setFailed(true))
      element.mount(place.current)
      stop = () => element.destroy()
    }
    show().catch(() => setFailed(true))
    return () => {
      isOver = true
      stop()
    }
  }, [publishableKey, clientSecret, language])

  const pay = useMutation({
    async mutationFn({ stripe, elements }: Paying) {
      const { error } = await stripe.confirmPayment({
        elements,
        confirmParams: { return_url: location.href },
        redirect: 'if_required',
      })
      if (error && isOfCard(error)) return error
      if (error) throw new Error(error.message)
      return undefined
    },
    onSuccess: (declined) => declined ?? onSent(),
    // A network or Stripe error: the payment may still have succeeded.
    onError: onSent,
  })

  if (failed)
    return (
      <p className="error" role="alert">
        {t.pay.unreachable}
      </p>
    )
  return (
    <>
      {!paying && <Loading />}
      <div ref={place} />
      {pay.data && (
        <p className="error" role="alert">
          {pay.data.message || t.refusals.PAYMENT_FAILED} {t.pay.another}
        </p>
      )}
      {paying && (
        <Button look="main" disabled={busy || pay.isPending} onClick={() => pay.mutate(paying)}>
          {t.pay.now}
        </Button>
      )}
    </>
  )
}

/** Whether the card or its input was rejected, so that nothing was paid. */
const isOfCard = ({ type, code }: StripeError): boolean =>
  type === 'card_error' || type === 'validation_error' || code === 'payment_intent_authentication_failure'
