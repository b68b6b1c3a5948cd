import type { Outputs } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { trpc } from '../api'
import { formatLength, formatMoney } from '../format'
import { useText } from '../i18n'
import { useSettled } from '../ui/changes'
import { Button } from '../ui/controls'
import { EditAndRemove, EditDialog, useEdited } from '../ui/forms'
import { Loaded } from '../ui/states'
import { ServiceForm } from './service-form'

type Service = Outputs['services']['create']

export function Services({ specialist }: { specialist: { id: string; name: string } }) {
  const { t, language } = useText()
  const editing = useEdited<Service>()
  const services = useQuery(trpc.services.list.queryOptions({ specialistId: specialist.id, limit: 100 }))
  const remove = useMutation(trpc.services.remove.mutationOptions(useSettled(trpc.services.pathFilter())))
  return (
    <Loaded query={services}>
      {({ items }) => (
        <>
          {items.length === 0 && <p className="soft">{t.operator.noServices}</p>}
          <ul className="list lines">
            {items.map((service) => (
              <li key={service.id} className="row spread">
                <div className="grow">
                  <p className="strong">{service.name}</p>
                  <p className="soft">
                    {formatLength(service.durationMinutes, language)} ·{' '}
                    {service.priceMinor > 0
                      ? formatMoney(service.priceMinor, service.currency, language)
                      : t.home.free}
                    {service.needsApproval && ` · ${t.operator.needsApproval}`}
                    {service.needsRoom && ` · ${t.kinds[service.roomKind]}`}
                  </p>
                </div>
                <div className="actions">
                  <EditAndRemove
                    name={service.name}
                    title={t.operator.removeService(service.name)}
                    text={t.operator.removeServiceText}
                    onEdit={() => editing.edit(service)}
                    onRemove={() => remove.mutateAsync({ id: service.id })}
                  />
                </div>
              </li>
            ))}
          </ul>
          <div className="row">
            <Button of={specialist.name} onClick={editing.add}>
              {t.operator.addService}
            </Button>
          </div>
          <EditDialog editing={editing} addTitle={t.operator.addService} titleOf={({ name }) => name}>
            {(service) => (
              <ServiceForm specialistId={specialist.id} service={service} onDone={editing.done} />
            )}
          </EditDialog>
        </>
      )}
    </Loaded>
  )
}
