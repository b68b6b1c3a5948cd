import { useMutation, useQuery } from '@tanstack/react-query'
import { trpc } from '../api'
import { formatMoment } from '../format'
import { useText } from '../i18n'
import { useSettled } from '../ui/changes'
import { Button } from '../ui/controls'
import { AskButton } from '../ui/dialogs'
import { Loaded } from '../ui/states'

/** Polling interval while the user opens the bot. */
const LOOK_AGAIN_MS = 3000

/** Links a Telegram account if the server has a bot. It cannot be unlinked while it is the only way to sign in. */
export function TelegramLink({ isOnlyWay }: { isOnlyWay: boolean }) {
  const { t, language } = useText()
  const bot = useQuery(trpc.auth.telegramBot.queryOptions()).data
  const settled = useSettled(trpc.auth.telegramAccount.pathFilter())
  const code = useMutation(trpc.auth.telegramCode.mutationOptions({ onError: settled.onError }))
  const linked = useQuery(
    trpc.auth.telegramAccount.queryOptions(undefined, {
      enabled: !!bot?.username,
      refetchInterval: ({ state }) => code.data && !state.data?.account && LOOK_AGAIN_MS,
    }),
  )
  const unlink = useMutation(
    trpc.auth.unlinkTelegram.mutationOptions({ ...settled, onSuccess: () => code.reset() }),
  )
  if (!bot?.username) return null
  return (
    <section className="card form">
      <h2>Telegram</h2>
      <p className="soft">{t.telegram.text}</p>
      <Loaded query={linked}>
        {({ account }) =>
          account ? (
            <>
              <p>
                {t.telegram.linked(
                  account.username ? `${account.name} (@${account.username})` : account.name,
                )}
              </p>
              {!account.reachable && <p className="soft">{t.telegram.unreachable}</p>}
              {isOnlyWay ? (
                <p className="soft">{t.telegram.onlyWay}</p>
              ) : (
                <AskButton
                  title={t.telegram.unlinkTitle}
                  text={t.telegram.unlinkText}
                  action={t.telegram.unlink}
                  onConfirm={() => unlink.mutateAsync()}
                >
                  {t.telegram.unlink}
                </AskButton>
              )}
            </>
          ) : code.data ? (
            <>
              <a className="button main" href={code.data.url} target="_blank" rel="noreferrer">
                {t.telegram.open}
              </a>
              <p className="soft">
                {t.telegram.code(code.data.code, formatMoment(code.data.expiresAt, language))}
              </p>
            </>
          ) : (
            <Button disabled={code.isPending} onClick={() => code.mutate()}>
              {t.telegram.link}
            </Button>
          )
        }
      </Loaded>
    </section>
  )
}
