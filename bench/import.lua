-- Imports of new references; after each, one poll of its process.
local processes, sent = {}, 0
local prefix = string.format("B%d-", os.time() % 1000000)

function request()
  local process = table.remove(processes)
  if process then
    return wrk.format("GET", wrk.path .. "/process/" .. process)
  end
  sent = sent + 1
  local body = string.format(
    '{"companyIdType":"CIT001","companyIdValue":"99050000100013","dossierReference":"%s%d"}', prefix, sent)
  return wrk.format("POST", wrk.path, { ["Authorization"] = wrk.headers["Authorization"],
    ["Content-Type"] = "application/json" }, body)
end

function response(_, _, body)
  if not string.find(body, '"complete"', 1, true) then
    local process = string.match(body, '"processId": ?"([^"]+)"')
    if process then table.insert(processes, process) end
  end
end
