-- Stands before each script of progress: which server this is, and whether a copy of the record was begun on it.
-- A server that restarts has another run id. One that was somebody's replica for a while has another replication id,
-- although it kept running: what it held then was overwritten. '' when the server tells neither.
local function identity()
  local function told(section, field)
    local info = redis.pcall('INFO', section)
    if type(info) ~= 'string' then
      return ''
    end
    return string.match(info, '%f[%w_]' .. field .. ':(%w+)') or ''
  end
  local run, replication = told('server', 'run_id'), told('replication', 'master_replid')
  if run == '' and replication == '' then
    return ''
  end
  return run .. ':' .. replication
end

-- A copy without an identity is of a version that knew none, and nothing is sure of it.
local function is_of(epoch, key)
  local stored = redis.call('HMGET', key, 'epoch', 'identity')
  return stored[1] == epoch and stored[2] == identity()
end
