import type { SignedIn } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, Redirect, useLocation, useSearchParams } from 'wouter'
import { client, trpc, useSignedIn } from '../api'
import { EmailField } from '../fields/credentials'
import { isLanguageChosen, useText } from '../i18n'
import { PATHS } from '../paths'
import { TextField } from '../ui/controls'
import { Form } from '../ui/forms'
import { useTitle } from '../ui/title'

/** Redirects a signed-in user: after the form, a sign-in in another tab, or on arrival. */
export default function SignInPage() {
  const [search] = useSearchParams()
  return useSignedIn() ? <Redirect to={thenOf(search)} replace /> : <SignInForm />
}

function SignInForm() {
  const { t, language, setLanguage } = useText()
  const [path] = useLocation()
  const [search] = useSearchParams()
  const isNew = path === PATHS.register
  useTitle(isNew ? t.auth.register : t.app.signIn)
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [name, setName] = useState('')

  const options = {
    async onSuccess({ user }: SignedIn) {
      // A new account takes the language of the browser; an existing one sets it unless the user chose one here.
      if (isNew && user.language !== language)
        await client.auth.update.mutate({ language }).catch(() => undefined)
      else if (!isNew && !isLanguageChosen()) await setLanguage(user.language)
    },
  }
  const login = useMutation(trpc.auth.login.mutationOptions(options))
  const register = useMutation(trpc.auth.register.mutationOptions(options))
  return (
    <div className="card narrow">
      <h1>{isNew ? t.auth.register : t.auth.welcome}</h1>
      <Form
        change={isNew ? register : login}
        action={isNew ? t.auth.register : t.app.signIn}
        onSubmit={() => {
          if (isNew) register.mutate({ email, password, name })
          else login.mutate({ email, password })
        }}
      >
        {isNew && (
          <TextField
            className="whole"
            label={t.auth.name}
            name="name"
            value={name}
            onChange={setName}
            autoComplete="name"
            required
            maxLength={100}
          />
        )}
        <EmailField className="whole" value={email} onChange={setEmail} />
        <TextField
          className="whole"
          label={t.auth.password}
          name="password"
          type="password"
          value={password}
          onChange={setPassword}
          autoComplete={isNew ? 'new-password' : 'current-password'}
          minLength={isNew ? 8 : undefined}
          hint={isNew ? t.auth.passwordHint : undefined}
          required
        />
      </Form>
      {!isNew && (
        <p>
          <Link href={PATHS.forgotPassword}>{t.auth.forgot}</Link>
        </p>
      )}
      <p className="soft">
        {isNew ? t.auth.haveAccount : t.auth.noAccount}{' '}
        <Link href={`${isNew ? PATHS.signIn : PATHS.register}?${search}`}>
          {isNew ? t.app.signIn : t.auth.register}
        </Link>
      </p>
    </div>
  )
}

/** Accepts only paths of this app, so that a crafted link cannot redirect elsewhere. */
function thenOf(search: URLSearchParams): string {
  const then = search.get('then') ?? PATHS.home
  return then.startsWith('/') && !then.startsWith('//') && !then.includes('\\') ? then : PATHS.home
}
