import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './ui/ui.css';
import './list/list.css';
import './list/filter.css';
import './conversation/menus.css';
import './conversation/panel.css';
import './transcript/transcript.css';
import './transcript/message.css';
import './transcript/markdown.css';
import './timeline/timeline.css';
import './span/span.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { Failsafe } from './ui/failsafe';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <Failsafe>
      <App />
    </Failsafe>
  </StrictMode>,
);
