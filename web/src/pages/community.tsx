import type { Location } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { Link } from 'wouter'
import { client, trpc, useSignedIn } from '../api'
import { LiveMark } from '../board/board-view'
import { EventCard } from '../community/event'
import { EventForm, type Meeting } from '../community/event-form'
import { People } from '../community/people'
import { useLiveLocation } from '../community/use-live-location'
import { dateIn, formatMoment, formatTime } from '../format'
import { useText } from '../i18n'
import { PATHS, signInThen } from '../paths'
import { AtLocation } from '../ui/at-location'
import { useSettled } from '../ui/changes'
import { Button, TextField } from '../ui/controls'
import { EditDialog, useEdited } from '../ui/forms'
import { useKeptFocus } from '../ui/kept-focus'
import { PagedList } from '../ui/lists'
import { usePages } from '../ui/pages'
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
  const { isLive, present } = useLiveLocation(location.id)
  return (
    <>
      <LiveMark live={isLive} />
      {signedIn ? (
        <Present location={location} count={present} />
      ) : (
        present !== undefined && <HowMany location={location} count={present} />
      )}
      <Events location={location} />
    </>
  )
}

/** Signed-out visitors see only the number of users present. */
function HowMany({ location, count }: { location: Location; count: number }) {
  const { t } = useText()
  return (
    <section>
      <h2>{t.community.present}</h2>
      <p>{t.community.here(count)}</p>
      <Link className="button" href={signInThen(`${PATHS.community}?location=${location.id}`)}>
        {t.community.whoIsHere}
      </Link>
    </section>
  )
}

function Present({ location, count = 0 }: { location: Location; count: number | undefined }) {
  const { t, language } = useText()
  const { id: locationId, timeZone } = location
  const [note, setNote] = useState('')
  const own = useRef<HTMLDivElement>(null)
  const kept = useKeptFocus(own)
  const present = useQuery(trpc.checkIns.present.queryOptions({ locationId, limit: 100 }))
  const settled = useSettled(trpc.checkIns.pathFilter())
  const checkIn = useMutation(trpc.checkIns.checkIn.mutationOptions(settled))
  const checkOut = useMutation(trpc.checkIns.checkOut.mutationOptions(settled))
  return (
    <section>
      <h2>{t.community.present}</h2>
      <Loaded query={present}>
        {({ items, mine }) => (
          <>
            {items.length === 0 && <p className="soft">{t.community.nobody}</p>}
            {/* Users always see their own name, even when anonymous. */}
            <People people={items.map((one) => (one.id === mine?.id ? mine : one))}>
              {({ since, note }) => (
                <>
                  {t.community.since(
                    dateIn(timeZone, new Date(since)) === dateIn(timeZone)
                      ? formatTime(since, timeZone, language)
                      : formatMoment(since, language, timeZone),
                  )}
                  {note && ` · ${note}`}
                </>
              )}
            </People>
            {count > items.length && <p className="soft">{t.community.more(count - items.length)}</p>}
            <div ref={own} tabIndex={-1} className="row filters" {...kept}>
              {mine?.locationId === locationId ? (
                <Button disabled={checkOut.isPending} onClick={() => checkOut.mutate({})}>
                  {t.community.checkOut}
                </Button>
              ) : (
                <>
                  <TextField label={t.community.note} value={note} onChange={setNote} maxLength={200} />
                  <Button
                    look="main"
                    disabled={checkIn.isPending}
                    onClick={() => checkIn.mutate({ locationId, ...(note && { note }) })}
                  >
                    {t.community.checkIn}
                  </Button>
                </>
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
  const events = usePages([...trpc.events.list.pathKey(), location.id], (cursor) =>
    client.events.list.query({ locationId: location.id, limit: 50, cursor }),
  )
  return (
    <section>
      <div className="row spread">
        <h2>{t.community.events}</h2>
        {signedIn && <Button onClick={editing.add}>{t.community.addEvent}</Button>}
      </div>
      <PagedList query={events} empty={t.community.noEvents}>
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
      </PagedList>
      <EditDialog editing={editing} addTitle={t.community.addEvent} titleOf={({ title }) => title}>
        {(event) => <EventForm location={location} event={event} onDone={editing.done} />}
      </EditDialog>
    </section>
  )
}
