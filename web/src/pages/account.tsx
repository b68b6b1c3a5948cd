import { isRefused, type User } from '@coworkspace/client'
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
import { Button, Choice, TextField } from '../ui/controls'
import { Confirm } from '../ui/dialogs'
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
          {me.email ? <Password /> : <FirstPassword />}
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

/** Changes what an account says of a person, and shows it everywhere. */
function useUpdate(onDone?: () => void) {
  const { t } = useText()
  return useMutation(
    trpc.auth.update.mutationOptions({
      onSuccess(user) {
        queryClient.setQueryData(trpc.auth.me.queryKey(), user)
        say(t.state.saved)
        onDone?.()
      },
    }),
  )
}

function Profile({ me }: { me: User }) {
  const { t } = useText()
  const [name, setName] = useState(me.name)
  const update = useUpdate()
  return (
    <form
      className="card form"
      onSubmit={(event) => {
        event.preventDefault()
        update.mutate({ name })
      }}
    >
      <h2>{t.account.profile}</h2>
      <p className="soft">{[me.email, t.roles[me.role]].filter(Boolean).join(' · ')}</p>
      <TextField
        label={t.auth.name}
        value={name}
        onChange={setName}
        required
        maxLength={100}
        autoComplete="name"
      />
      {update.error && <p className="error">{explain(update.error, t)}</p>}
      <Button type="submit" look="main" disabled={update.isPending || name === me.name}>
        {t.state.save}
      </Button>
    </form>
  )
}

function Password() {
  const { t } = useText()
  const [currentPassword, setCurrent] = useState('')
  const [password, setPassword] = useState('')
  const update = useUpdate(() => {
    setCurrent('')
    setPassword('')
  })
  return (
    <form
      className="card form"
      onSubmit={(event) => {
        event.preventDefault()
        update.mutate({ currentPassword, password })
      }}
    >
      <h2>{t.account.password}</h2>
      <TextField
        label={t.account.currentPassword}
        type="password"
        value={currentPassword}
        onChange={setCurrent}
        autoComplete="current-password"
        required
      />
      <NewPasswordField value={password} onChange={setPassword} />
      {update.error && (
        <p className="error" role="alert">
          {explain(update.error, t)}
        </p>
      )}
      <Button type="submit" disabled={update.isPending}>
        {t.account.password}
      </Button>
    </form>
  )
}

/** For whoever came by Telegram: another way to sign in. Telegram's word is needed, which only its own window has. */
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
    <form
      className="card form"
      onSubmit={(event) => {
        event.preventDefault()
        update.mutate({ email, password, telegram: { initData } })
      }}
    >
      <h2>{t.account.firstPassword}</h2>
      <p className="soft">{t.account.firstPasswordText}</p>
      <EmailField value={email} onChange={setEmail} />
      <NewPasswordField value={password} onChange={setPassword} />
      {update.error && (
        <p className="error" role="alert">
          {isRefused(update.error, 'WRONG_CREDENTIALS') ? t.account.openAgain : explain(update.error, t)}
        </p>
      )}
      <Button type="submit" disabled={update.isPending}>
        {t.account.firstPassword}
      </Button>
    </form>
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
