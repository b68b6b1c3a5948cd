import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useText } from '../i18n'
import { Button } from '../ui/controls'
import { Loading } from '../ui/states'
import type { PayFormProps } from './pay-dialog'

const SCRIPT = 'https://js.stripe.com/v3/'

/** As much of Stripe's own script as is used here. */
type Elements = { create(kind: 'payment'): { mount(place: HTMLElement): void; destroy(): void } }
type Stripe = {
  elements(options: { clientSecret: string; appearance: { theme: 'stripe' | 'night' } }): Elements
  confirmPayment(options: {
    elements: Elements
    confirmParams: { return_url: string }
    redirect: 'if_required'
  }): Promise<{ error?: { message?: string } }>
}
type WithStripe = { Stripe?: (publishableKey: string) => Stripe }

let script: Promise<void> | undefined

/** Stripe asks that its script comes from its own server, and nothing of a card from ours. */
function loadScript(): Promise<void> {
  script ??= new Promise((resolve, reject) => {
    const element = document.createElement('script')
    element.src = SCRIPT
    element.onload = () => resolve()
    element.onerror = () => {
      script = undefined
      reject(new Error('the script of Stripe could not be loaded'))
    }
    document.head.append(element)
  })
  return script
}

type Paying = { stripe: Stripe; elements: Elements }

export default function StripeForm({ intent, busy, onPaid }: PayFormProps) {
  const { t } = useText()
  const place = useRef<HTMLDivElement>(null)
  const [paying, setPaying] = useState<Paying>()
  const [failed, setFailed] = useState(false)

  useEffect(() => {
    let stop = () => {}
    let isOver = false
    async function show(): Promise<void> {
      await loadScript()
      const stripe = (window as WithStripe).Stripe?.(intent.publishableKey)
      if (!stripe || !place.current || isOver) return
      const isDark = getComputedStyle(document.body).colorScheme === 'dark'
      const elements = stripe.elements({
        clientSecret: intent.clientSecret,
        appearance: { theme: isDark ? 'night' : 'stripe' },
      })
      const element = elements.create('payment')
      element.mount(place.current)
      stop = () => element.destroy()
      setPaying({ stripe, elements })
    }
    show().catch(() => setFailed(true))
    return () => {
      isOver = true
      stop()
    }
  }, [intent.publishableKey, intent.clientSecret])

  const pay = useMutation({
    async mutationFn({ stripe, elements }: Paying) {
      const { error } = await stripe.confirmPayment({
        elements,
        confirmParams: { return_url: location.href },
        redirect: 'if_required',
      })
      if (error) throw new Error(error.message)
    },
    onSuccess: onPaid,
  })

  if (failed) return <p className="error">{t.state.unreachable}</p>
  return (
    <>
      {!paying && <Loading />}
      <div ref={place} />
      {pay.error && (
        <p className="error" role="alert">
          {pay.error.message || t.refusals.PAYMENT_FAILED}
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
