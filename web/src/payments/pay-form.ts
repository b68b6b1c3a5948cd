import type { Outputs } from '@coworkspace/client'

export type Intent = Outputs['payments']['createIntent']

/** Props of the sandbox form and the Stripe form. */
export type PayFormProps = {
  intent: Intent
  busy: boolean
  /** Called unless the card was declined. The payment may have succeeded, so the dialog asks the server. */
  onSent(): void
}
