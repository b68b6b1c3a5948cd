import type { Outputs } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { trpc, useMe, useSignedIn } from '../api'
import { formatDay, formatMoment, formatMoney, formatPeriod } from '../format'
import { useText } from '../i18n'
import { AtLocation } from '../ui/at-location'
import { useSettled } from '../ui/changes'
import { Button } from '../ui/controls'
import { Empty, Loaded } from '../ui/states'
import { useTitle } from '../ui/title'

type Place = Outputs['locations']['byId']
type Meeting = Outputs['events']['byId']

/** Who comes and goes elsewhere is seen after so long. */
const LOOK_AGAIN_MS = 15_000

export default function CommunityPage() {
  const { t } = useText()
  useTitle(t.community.title)
  const signedIn = useSignedIn()
  return (
    <>
      <h1>{t.community.title}</h1>
      <AtLocation>
        {(location) => (
          <>
            {signedIn && <Present locationId={location.id} />}
            <Events location={location} />
          </>
        )}
      </AtLocation>
    </>
  )
}

function Present({ locationId }: { locationId: string }) {
  const { t, language } = useText()
  const me = useMe()
  const present = useQuery(
    trpc.checkIns.present.queryOptions({ locationId, limit: 100 }, { refetchInterval: LOOK_AGAIN_MS }),
  )
  const settled = useSettled(trpc.checkIns.pathFilter())
  const checkIn = useMutation(trpc.checkIns.checkIn.mutationOptions(settled))
  const checkOut = useMutation(trpc.checkIns.checkOut.mutationOptions(settled))
  return (
    <section>
      <h2>{t.community.present}</h2>
      <Loaded query={present}>
        {({ items }) => (
          <>
            {items.length === 0 && <p className="soft">{t.community.nobody}</p>}
            <ul className="row">
              {items.map(({ id, person, since, note }) => (
                <li key={id} className="card person">
                  <p className="strong">{person?.name ?? t.community.unnamed}</p>
                  <p className="soft">
                    {t.community.since(formatMoment(since, language))}
                    {note && ` · ${note}`}
                  </p>
                </li>
              ))}
            </ul>
            <div className="row">
              {items.some(({ person }) => person && person.id === me?.id) ? (
                <Button disabled={checkOut.isPending} onClick={() => checkOut.mutate({})}>
                  {t.community.checkOut}
                </Button>
              ) : (
                <Button
                  look="main"
                  disabled={checkIn.isPending}
                  onClick={() => checkIn.mutate({ locationId })}
                >
                  {t.community.checkIn}
                </Button>
              )}
            </div>
          </>
        )}
      </Loaded>
    </section>
  )
}

function Events({ location }: { location: Place }) {
  const { t } = useText()
  const events = useQuery(
    trpc.events.list.queryOptions(
      { locationId: location.id, limit: 100 },
      { refetchInterval: LOOK_AGAIN_MS },
    ),
  )
  return (
    <section>
      <h2>{t.community.events}</h2>
      <Loaded query={events}>
        {({ items }) => (
          <>
            {items.length === 0 && <Empty title={t.community.noEvents} />}
            <ul className="list">
              {items.map((event) => (
                <li key={event.id}>
                  <EventCard event={event} timeZone={location.timeZone} />
                </li>
              ))}
            </ul>
          </>
        )}
      </Loaded>
    </section>
  )
}

function EventCard({ event, timeZone }: { event: Meeting; timeZone: string }) {
  const { t, language } = useText()
  const signedIn = useSignedIn()
  const settled = useSettled(trpc.events.pathFilter())
  const attend = useMutation(trpc.events.attend.mutationOptions(settled))
  const leave = useMutation(trpc.events.leave.mutationOptions(settled))
  const { id, title, text, capacity, attending, held, waiting, priceMinor, currency, mine } = event
  const isFull = capacity !== null && attending + held >= capacity
  return (
    <article className={mine ? 'card booking confirmed' : 'card booking'}>
      <div className="grow">
        <h3>{title}</h3>
        <p>
          {formatDay(event.startsAt, timeZone, language)}, {formatPeriod(event, timeZone, language)}
        </p>
        {text && <p className="soft">{text}</p>}
        <p className="soft">
          {t.community.attending(attending, capacity)}
          {waiting > 0 && ` · ${t.community.waiting(waiting)}`}
          {priceMinor > 0 && ` · ${formatMoney(priceMinor, currency, language)}`}
        </p>
        {mine && <p className="strong">{t.community.mine[mine]}</p>}
      </div>
      {signedIn && (
        <div className="actions">
          {mine ? (
            <Button look="quiet" disabled={leave.isPending} onClick={() => leave.mutate({ id })}>
              {t.community.leave}
            </Button>
          ) : (
            <Button look="main" disabled={attend.isPending} onClick={() => attend.mutate({ id })}>
              {isFull ? t.community.wait : t.community.attend}
            </Button>
          )}
        </div>
      )}
    </article>
  )
}
