import type { Location } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { trpc, useMe, useSignedIn } from '../api'
import { LiveMark } from '../board/board-view'
import { EventCard } from '../community/event'
import { EventForm, type Meeting } from '../community/event-form'
import { useLiveLocation } from '../community/use-live-location'
import { dateIn, formatMoment, formatTime } from '../format'
import { useText } from '../i18n'
import { AtLocation } from '../ui/at-location'
import { useSettled } from '../ui/changes'
import { Button } from '../ui/controls'
import { EditDialog, useEdited } from '../ui/forms'
import { List } from '../ui/lists'
import { Loaded } from '../ui/states'
import { useTitle } from '../ui/title'

export default function CommunityPage() {
  const { t } = useText()
  useTitle(t.community.title)
  return (
    <>
      <h1>{t.community.title}</h1>
      <AtLocation>{(location) => <Community key={location.id} location={location} />}</AtLocation>
    </>
  )
}

function Community({ location }: { location: Location }) {
  const signedIn = useSignedIn()
  const isLive = useLiveLocation(location.id)
  return (
    <>
      <LiveMark live={isLive} />
      {signedIn && <Present location={location} />}
      <Events location={location} />
    </>
  )
}

function Present({ location }: { location: Location }) {
  const { t, language } = useText()
  const { id: locationId, timeZone } = location
  const me = useMe()
  const present = useQuery(trpc.checkIns.present.queryOptions({ locationId, limit: 100 }))
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
                    {t.community.since(
                      dateIn(timeZone, new Date(since)) === dateIn(timeZone)
                        ? formatTime(since, timeZone, language)
                        : formatMoment(since, language, timeZone),
                    )}
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

function Events({ location }: { location: Location }) {
  const { t } = useText()
  const signedIn = useSignedIn()
  const editing = useEdited<Meeting>()
  const events = useQuery(trpc.events.list.queryOptions({ locationId: location.id, limit: 100 }))
  return (
    <section>
      <div className="row spread">
        <h2>{t.community.events}</h2>
        {signedIn && <Button onClick={editing.add}>{t.community.addEvent}</Button>}
      </div>
      <Loaded query={events}>
        {({ items }) => (
          <List items={items} empty={t.community.noEvents}>
            {(event) => (
              <EventCard
                event={event}
                timeZone={location.timeZone}
                title={
                  <h3>
                    <Link href={`/events/${event.id}`}>{event.title}</Link>
                  </h3>
                }
              />
            )}
          </List>
        )}
      </Loaded>
      <EditDialog editing={editing} addTitle={t.community.addEvent} titleOf={({ title }) => title}>
        {(event) => <EventForm location={location} event={event} onDone={editing.done} />}
      </EditDialog>
    </section>
  )
}
