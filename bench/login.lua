-- A login with a password, as clients make it before their first call.
wrk.method = "POST"
wrk.headers["Authorization"] = nil
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
wrk.body = "grant_type=password&client_id=ea-api-edge&username=bench&password=demo"
