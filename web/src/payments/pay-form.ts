import type { Outputs } from '@coworkspace/client'

export type Intent = Outputs['payments']['createIntent']

/** What the sandbox form and the Stripe form are given. */
export type PayFormProps = {
  intent: Intent
  busy: boolean
  /** Called unless the card was plainly declined; the server then knows whether the payment succeeded. */
  onSent(): void
}
