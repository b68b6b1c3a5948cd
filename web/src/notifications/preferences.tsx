import { Checkbox } from '@base-ui/react/checkbox'
import type { Outputs } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { queryClient, trpc } from '../api'
import { useText } from '../i18n'
import { useSettled } from '../ui/changes'
import { Loaded } from '../ui/states'

type Preference = Outputs['notifications']['preferences']['items'][number]

export function Preferences() {
  const { t } = useText()
  const query = useQuery(trpc.notifications.preferences.queryOptions())
  const bot = useQuery(trpc.auth.telegramBot.queryOptions()).data
  const channels = (['app', 'email', 'telegram'] as const).filter(
    (channel) => channel !== 'telegram' || bot?.username,
  )
  const { onError } = useSettled()
  const set = useMutation(
    trpc.notifications.setPreferences.mutationOptions({
      onError,
      onSuccess: (saved) => queryClient.setQueryData(trpc.notifications.preferences.queryKey(), saved),
    }),
  )
  return (
    <section className="card form">
      <h2>{t.notifications.preferences}</h2>
      <p className="soft">{t.notifications.preferencesText}</p>
      <Loaded query={query}>
        {({ items }) => (
          <table className="wishes">
            <thead>
              <tr>
                <th scope="col">{t.notifications.about}</th>
                {channels.map((channel) => (
                  <th key={channel} scope="col">
                    {t.notifications.channels[channel]}
                  </th>
                ))}
              </tr>
            </thead>
            {byCategory(items).map(([category, kinds]) => (
              <tbody key={category}>
                <tr>
                  <th scope="rowgroup" colSpan={channels.length + 1}>
                    {t.notifications.categories[category]}
                  </th>
                </tr>
                {kinds.map((wish) => (
                  <tr key={wish.kind}>
                    <td>{t.notifications.kinds[wish.kind]}</td>
                    {channels.map((channel) => (
                      <td key={channel}>
                        <Checkbox.Root
                          className="box"
                          aria-label={`${t.notifications.kinds[wish.kind]}: ${t.notifications.channels[channel]}`}
                          checked={wish[channel]}
                          disabled={set.isPending}
                          onCheckedChange={(checked) =>
                            set.mutate({ items: [{ kind: wish.kind, [channel]: checked }] })
                          }
                        >
                          <Checkbox.Indicator>✓</Checkbox.Indicator>
                        </Checkbox.Root>
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            ))}
          </table>
        )}
      </Loaded>
    </section>
  )
}

function byCategory(items: Preference[]): [Preference['category'], Preference[]][] {
  const found = new Map<Preference['category'], Preference[]>()
  for (const wish of items) found.set(wish.category, [...(found.get(wish.category) ?? []), wish])
  return [...found]
}
