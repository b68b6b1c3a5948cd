import { useMutation, useQuery } from '@tanstack/react-query'
import { trpc } from '../../api'
import { DoorCode, untilNext } from '../../community/door-code'
import { useText } from '../../i18n'
import { AtLocation } from '../../ui/at-location'
import { useSettled } from '../../ui/changes'
import { Button } from '../../ui/controls'
import { SecretAddress } from '../../ui/secret-address'
import { OperatorPage } from './shell'

export default function DoorPage() {
  const { t } = useText()
  return (
    <OperatorPage title={t.operator.door.title}>
      <p className="soft lead">{t.operator.door.text}</p>
      <AtLocation>{(location) => <Door key={location.id} {...location} />}</AtLocation>
    </OperatorPage>
  )
}

function Door({ id, name, timeZone }: { id: string; name: string; timeZone: string }) {
  const { t } = useText()
  const query = useQuery(trpc.checkIns.doorCode.queryOptions({ id }, untilNext))
  const renew = useMutation(trpc.checkIns.renewDoorScreen.mutationOptions({ onError: useSettled().onError }))
  return (
    <>
      <DoorCode query={query} name={name} timeZone={timeZone} />
      <section className="card form">
        <h2>{t.operator.door.screen}</h2>
        <p className="soft">{t.operator.door.screenText}</p>
        <SecretAddress label={t.operator.door.address} url={renew.data?.url} />
        <Button disabled={renew.isPending} onClick={() => renew.mutate({ id })}>
          {t.operator.door.newAddress}
        </Button>
      </section>
    </>
  )
}
