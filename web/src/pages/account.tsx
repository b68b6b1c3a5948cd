import type { User } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { CalendarFeeds } from '../account/calendar-feeds'
import { Sessions } from '../account/sessions'
import { client, forgetSession, queryClient, trpc, useMe, useMeQuery } from '../api'
import { EmailField, NewPasswordField } from '../fields/credentials'
import { LANGUAGES, type Language, useText } from '../i18n'
import { PATHS } from '../paths'
import { proofOfLaunch } from '../telegram/inside'
import { TelegramLink } from '../telegram/link'
import { applyTheme, keptTheme, THEMES } from '../theme'
import { makeOld } from '../ui/changes'
import { Button, Check, Choice, TextField } from '../ui/controls'
import { Confirm } from '../ui/dialogs'
import { Form } from '../ui/forms'
import { saveAs } from '../ui/save-as'
import { explain, Loaded, Only } from '../ui/states'
import { useTitle } from '../ui/title'
import { say } from '../ui/toasts'

export default function AccountPage() {
  const { t } = useText()
  useTitle(t.account.title)
  return (
    <>
      <h1>{t.account.title}</h1>
      <Appearance />
      <Only>
        <Account />
      </Only>
    </>
  )
}

function Account() {
  return (
    <Loaded query={useMeQuery()}>
      {(me) => (
        <>
          <Profile me={me} />
          {me.email ? <Credentials email={me.email} /> : <FirstPassword />}
          <TelegramLink isOnlyWay={!me.email} />
          <CalendarFeeds me={me} />
          <Sessions />
          <Data />
        </>
      )}
    </Loaded>
  )
}

function Appearance() {
  const { t, language, setLanguage } = useText()
  const [theme, setTheme] = useState(keptTheme)
  const me = useMe()
  async function choose(chosen: Language) {
    await setLanguage(chosen)
    if (me) await client.auth.update.mutate({ language: chosen }).catch(() => undefined)
  }
  return (
    <section className="card form">
      <div className="row filters">
        <Choice
          label={t.account.language}
          value={language}
          onChange={(chosen) => void choose(chosen)}
          options={(Object.keys(LANGUAGES) as Language[]).map((value) => ({
            value,
            label: LANGUAGES[value],
          }))}
        />
        <Choice
          label={t.account.theme}
          value={theme}
          onChange={(chosen) => {
            setTheme(chosen)
            applyTheme(chosen)
          }}
          options={THEMES.map((value) => ({ value, label: t.account.themes[value] }))}
        />
      </div>
    </section>
  )
}

function useUpdate(onDone?: () => Promise<void>) {
  const { t } = useText()
  return useMutation(
    trpc.auth.update.mutationOptions({
      async onSuccess(user) {
        queryClient.setQueryData(trpc.auth.me.queryKey(), user)
        await onDone?.()
        say(t.state.saved)
      },
    }),
  )
}

function Profile({ me }: { me: User }) {
  const { t } = useText()
  const [name, setName] = useState(me.name)
  const [hidden, setHidden] = useState(me.hidden)
  const update = useUpdate()
  return (
    <section className="card form">
      <h2>{t.account.profile}</h2>
      <p className="soft">{[me.email, t.roles[me.role]].filter(Boolean).join(' · ')}</p>
      <Form change={update} onSubmit={() => update.mutate({ name, hidden })}>
        <TextField
          className="whole"
          label={t.auth.name}
          name="name"
          value={name}
          onChange={setName}
          required
          maxLength={100}
          autoComplete="name"
        />
        <Check label={t.account.hidden} hint={t.account.hiddenText} checked={hidden} onChange={setHidden} />
      </Form>
    </section>
  )
}

/** Changing the email or the password requires the current password. */
function Credentials({ email: present }: { email: string }) {
  const { t } = useText()
  const [email, setEmail] = useState(present)
  const [currentPassword, setCurrent] = useState('')
  const [password, setPassword] = useState('')
  const update = useUpdate(async () => {
    // A new password ends every session, including this one.
    if (password) await client.auth.login.mutate({ email, password }).catch(() => undefined)
    makeOld(trpc.auth.sessions.pathFilter())
    setCurrent('')
    setPassword('')
  })
  return (
    <section className="card form">
      <h2>{t.account.credentials}</h2>
      <p className="soft">{t.account.credentialsText}</p>
      <Form
        change={update}
        words={{ WRONG_CREDENTIALS: t.account.wrongPassword }}
        onSubmit={() => update.mutate({ currentPassword, email, ...(password && { password }) })}
      >
        <EmailField className="whole" value={email} onChange={setEmail} />
        <NewPasswordField className="whole" required={false} value={password} onChange={setPassword} />
        <TextField
          className="whole"
          label={t.account.currentPassword}
          name="currentPassword"
          type="password"
          value={currentPassword}
          onChange={setCurrent}
          autoComplete="current-password"
          required
        />
      </Form>
    </section>
  )
}

/** Sets the first email and password of a Telegram user. Requires the launch data, which exists only in Telegram. */
function FirstPassword() {
  const { t } = useText()
  const initData = proofOfLaunch()
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const update = useUpdate()
  if (!initData)
    return (
      <section className="card form">
        <h2>{t.account.firstPassword}</h2>
        <p className="soft">{t.account.onlyInTelegram}</p>
      </section>
    )
  return (
    <section className="card form">
      <h2>{t.account.firstPassword}</h2>
      <p className="soft">{t.account.firstPasswordText}</p>
      <Form
        change={update}
        action={t.account.firstPassword}
        words={{ WRONG_CREDENTIALS: t.account.openAgain }}
        onSubmit={() => update.mutate({ email, password, telegram: { initData } })}
      >
        <EmailField className="whole" value={email} onChange={setEmail} />
        <NewPasswordField className="whole" value={password} onChange={setPassword} />
      </Form>
    </section>
  )
}

function Data() {
  const { t } = useText()
  const [, navigate] = useLocation()
  const [asking, setAsking] = useState(false)
  const onError = (error: unknown) => say(explain(error, t))
  const download = useMutation({
    mutationFn: () => client.auth.exportMe.query(),
    onSuccess: (data) => saveAs('coworkspace.json', 'application/json', JSON.stringify(data, null, 2)),
    onError,
  })
  const remove = useMutation(
    trpc.auth.deleteMe.mutationOptions({
      async onSuccess() {
        navigate(PATHS.home)
        forgetSession()
        say(t.account.deleted)
      },
      onError,
      onSettled: () => setAsking(false),
    }),
  )
  return (
    <section className="card form">
      <h2>{t.account.data}</h2>
      <p className="soft">{t.account.exportText}</p>
      <div className="row">
        <Button disabled={download.isPending} onClick={() => download.mutate()}>
          {t.account.export}
        </Button>
        <Button look="danger" onClick={() => setAsking(true)}>
          {t.account.delete}
        </Button>
      </div>
      <Confirm
        open={asking}
        title={t.account.deleteTitle}
        text={t.account.deleteText}
        action={t.account.delete}
        busy={remove.isPending}
        onConfirm={() => remove.mutate({})}
        onClose={() => setAsking(false)}
      />
    </section>
  )
}
