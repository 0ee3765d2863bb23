interface System {
  React: { createElement: (type: unknown, props: object | null, ...children: unknown[]) => unknown }
}

interface LayoutProps {
  getComponent: (name: string, container: boolean) => unknown
}

/** Swagger UI's list of calls without its own title and `<main>`: the page around it has both. */
export const callsOnly = ({ React: { createElement } }: System) => ({
  components: {
    CallsOnly: ({ getComponent }: LayoutProps) =>
      createElement(
        'div',
        { className: 'swagger-ui' },
        createElement(getComponent('operations', true), null),
      ),
  },
})
