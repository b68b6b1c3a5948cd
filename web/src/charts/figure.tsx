import type { ReactNode } from 'react'
import { useText } from '../i18n'

type FigureProps = {
  title: string
  /** The chart in one sentence. */
  summary: string
  columns: string[]
  rows: { key: string; cells: (string | number)[] }[]
  children: ReactNode
}

/** A chart with a one-sentence summary and its numbers as a table. */
export function Figure({ title, summary, columns, rows, children }: FigureProps) {
  const { t } = useText()
  return (
    <figure className="card chart">
      <figcaption>
        <h2>{title}</h2>
        <p className="soft">{summary}</p>
      </figcaption>
      {rows.length > 0 && (
        <>
          {children}
          <details>
            <summary>
              {t.operator.analytics.table}
              <span className="unseen">: {title}</span>
            </summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard */}
            <section className="scrolls" tabIndex={0} aria-label={title}>
              <table>
                <thead>
                  <tr>
                    {columns.map((column) => (
                      <th key={column} scope="col">
                        {column}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {rows.map(({ key, cells: [first, ...cells] }) => (
                    <tr key={key}>
                      <th scope="row">{first}</th>
                      {cells.map((cell, index) => (
                        <td key={columns[index + 1]}>{cell}</td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </section>
          </details>
        </>
      )}
    </figure>
  )
}
