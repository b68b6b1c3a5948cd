import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useLocation, useParams } from 'wouter'
import { client, trpc, useMe, useSpaces } from '../api'
import { Terms } from '../bookings/terms'
import { EventCard } from '../community/event'
import { EventForm, type Meeting } from '../community/event-form'
import { People } from '../community/people'
import { useLiveLocation } from '../community/use-live-location'
import { useText } from '../i18n'
import { PATHS } from '../paths'
import { useSettled } from '../ui/changes'
import { Button } from '../ui/controls'
import { AskButton } from '../ui/dialogs'
import { EditDialog, useEdited } from '../ui/forms'
import { ShowMore } from '../ui/lists'
import { usePages } from '../ui/pages'
import { Loaded } from '../ui/states'
import { useTitle } from '../ui/title'

export default function EventPage() {
  const { t } = useText()
  const { id = '' } = useParams()
  const event = useQuery(trpc.events.byId.queryOptions({ id }))
  useTitle(event.data?.title ?? t.community.events)
  return (
    <>
      <h1>{event.data?.title ?? t.community.events}</h1>
      <Loaded query={event}>{(found) => <OneEvent event={found} />}</Loaded>
    </>
  )
}

function OneEvent({ event }: { event: Meeting }) {
  const { t } = useText()
  const { locationId, spaceId, organiserId, priceMinor } = event
  useLiveLocation(locationId)
  const me = useMe()
  const space = useSpaces(locationId).find(({ id }) => id === spaceId)
  const location = useQuery(trpc.locations.byId.queryOptions({ id: locationId }))
  const mayChange = me && (me.id === organiserId || me.role === 'admin')
  return (
    <Loaded query={location}>
      {(place) => (
        <>
          <p className="soft">
            {[space?.name, place.name, place.address, place.city].filter(Boolean).join(' · ')}
          </p>
          <EventCard event={event} timeZone={place.timeZone} />
          {priceMinor > 0 && <Terms of={event} />}
          {mayChange && <Change event={event} location={place} />}
          {mayChange && <Attendees id={event.id} />}
          <p>
            <Link href={`${PATHS.community}?location=${locationId}`}>{t.community.backTo(place.name)}</Link>
          </p>
        </>
      )}
    </Loaded>
  )
}

/** For the organiser and operators. */
function Attendees({ id }: { id: string }) {
  const { t } = useText()
  const attendees = usePages([...trpc.events.attendees.pathKey(), id], (cursor) =>
    client.events.attendees.query({ id, limit: 50, cursor }),
  )
  return (
    <section>
      <h2>{t.community.attendees}</h2>
      <Loaded query={attendees}>
        {(people) => <People people={people}>{({ status }) => t.community.theirs[status]}</People>}
      </Loaded>
      <ShowMore query={attendees} />
    </section>
  )
}

type ChangeProps = { event: Meeting; location: { id: string; timeZone: string } }

function Change({ event, location }: ChangeProps) {
  const { t } = useText()
  const [, navigate] = useLocation()
  const editing = useEdited<Meeting>()
  const remove = useMutation(
    trpc.events.remove.mutationOptions({
      ...useSettled(trpc.events.pathFilter()),
      onSuccess: () => navigate(`${PATHS.community}?location=${location.id}`),
    }),
  )
  return (
    <div className="row">
      <Button onClick={() => editing.edit(event)}>{t.state.edit}</Button>
      <AskButton
        title={t.community.removeTitle(event.title)}
        text={t.community.removeText}
        action={t.community.remove}
        onConfirm={() => remove.mutateAsync({ id: event.id })}
      >
        {t.community.remove}
      </AskButton>
      <EditDialog editing={editing} addTitle={t.community.addEvent} titleOf={({ title }) => title}>
        {() => <EventForm location={location} event={event} onDone={editing.done} />}
      </EditDialog>
    </div>
  )
}
