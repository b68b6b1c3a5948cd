import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import { trpc } from '../api'
import { EmailField } from '../fields/credentials'
import { useText } from '../i18n'
import { PATHS } from '../paths'
import { Form } from '../ui/forms'
import { useTitle } from '../ui/title'

export default function ForgotPasswordPage() {
  const { t } = useText()
  useTitle(t.auth.forgot)
  const [email, setEmail] = useState('')
  const ask = useMutation(trpc.auth.forgotPassword.mutationOptions())
  return (
    <div className="card narrow">
      <h1>{t.auth.forgot}</h1>
      <Form change={ask} onSubmit={() => ask.mutate({ email })} action={t.auth.sendLink}>
        <EmailField className="whole" value={email} onChange={setEmail} />
      </Form>
      <p role="status">{ask.isSuccess && t.auth.linkSent}</p>
      <p className="soft">
        <Link href={PATHS.signIn}>{t.app.signIn}</Link>
      </p>
    </div>
  )
}
