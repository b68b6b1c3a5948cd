import { reasonOf } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import { trpc } from '../api'
import { NewPasswordField } from '../fields/credentials'
import { useText } from '../i18n'
import { PATHS } from '../paths'
import { Form } from '../ui/forms'
import { Empty } from '../ui/states'
import { useTitle } from '../ui/title'

/** Target of the reset link. The token is in the hash. */
export default function NewPasswordPage() {
  const { t } = useText()
  useTitle(t.auth.newPassword)
  const [, navigate] = useLocation()
  const token = location.hash.slice(1)
  const [password, setPassword] = useState('')
  const save = useMutation(
    trpc.auth.resetPassword.mutationOptions({
      onSuccess: () => navigate(PATHS.home, { replace: true }),
    }),
  )
  return (
    <div className="card narrow">
      <h1>{t.auth.newPassword}</h1>
      {token === '' || reasonOf(save.error) === 'VALIDATION' ? (
        <Empty title={t.auth.oldLink}>
          <Link className="button" href={PATHS.forgotPassword}>
            {t.auth.sendLink}
          </Link>
        </Empty>
      ) : (
        <Form change={save} onSubmit={() => save.mutate({ token, password })}>
          <NewPasswordField className="whole" value={password} onChange={setPassword} />
        </Form>
      )}
    </div>
  )
}
