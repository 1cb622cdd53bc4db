// The page against the real system, in one go: the stage is built once, and empty until the first visit has been seen.
import './real/first-visit.mjs';
import './real/list.mjs';
import './real/filters.mjs';
import './real/reading.mjs';
import './real/spans.mjs';
import './real/recordings.mjs';
import './real/safety.mjs';
import './real/access.mjs';
import './real/live.mjs';
import './real/sign-in.mjs';
import './real/speed.mjs';
