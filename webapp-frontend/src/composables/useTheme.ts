import { ref, watch } from 'vue'

export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const theme = ref<Theme>((document.documentElement.dataset.theme as Theme | undefined) ?? 'system')

watch(theme, (chosen) => {
  if (chosen === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = chosen
  try {
    localStorage.setItem('theme', chosen)
  } catch {
    // storage is blocked: the choice holds for this visit
  }
})

/** The chosen theme; `public/theme.js` applies the stored one before the first paint. */
export const useTheme = () => theme
