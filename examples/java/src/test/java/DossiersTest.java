import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.*;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.*;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Tests with JUnit 5. The calls of {@code java.net.http} stand for your own client. */
class DossiersTest {
    static final String SIRET = "99050000100013";
    final HttpClient http = HttpClient.newHttpClient();
    final ObjectMapper json = new ObjectMapper();
    String token;

    @RegisterExtension
    final DossiersSandbox sandbox = new DossiersSandbox();

    @BeforeEach
    void login() throws Exception {
        var user = URLEncoder.encode(sandbox.username(), StandardCharsets.UTF_8); // its plus sign becomes %2B
        var url = sandbox.authUrl() + "/auth/realms/eat_realm/protocol/openid-connect/token";
        var form = "grant_type=password&client_id=ea-api-edge&username=" + user + "&password=" + sandbox.password();
        var request = HttpRequest.newBuilder(URI.create(url)).POST(BodyPublishers.ofString(form))
                .header("Content-Type", "application/x-www-form-urlencoded").build();
        token = json.readTree(http.send(request, BodyHandlers.ofString()).body()).get("access_token").asText();
    }

    HttpResponse<String> call(String method, String path, String body) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(sandbox.baseUrl() + "/account/119631" + path))
                .header("Authorization", "Bearer " + token).header("Content-Type", "application/json")
                .method(method, BodyPublishers.ofString(body)).build();
        return http.send(request, BodyHandlers.ofString());
    }

    JsonNode importDossier(String siret, String reference) throws Exception {
        var order = json.createObjectNode().put("companyIdType", "CIT001").put("companyIdValue", siret)
                .put("dossierReference", reference).toString();
        var launched = json.readTree(call("POST", "/dossiers", order).body());
        sandbox.control("POST", "/clock/advance", "{'by': 'PT1S'}"); // instead of waiting
        var process = launched.at("/content/processId").asText();
        return json.readTree(call("GET", "/dossiers/process/" + process, "").body()).get("content");
    }

    @Test
    void anImportCreatesADossier() throws Exception {
        assertEquals(true, importDossier(SIRET, "PO-1").get("success").asBoolean());

        var found = json.readTree(call("GET", "/dossiers?dossierReference=PO-1", "").body());
        assertEquals(SIRET, found.at("/content/0/siret").asText());
    }

    @Test
    void aReferenceThatTheThirdPartyHasIsRefused() throws Exception {
        sandbox.control("POST", "/dossiers", "{'siret': '" + SIRET + "', 'dossierReference': 'PO-1'}");

        assertEquals("E202", importDossier(SIRET, "PO-1").at("/errors/0/code").asText());
    }

    @Test
    void aStoppedDossierCannotBeChanged() throws Exception {
        call("POST", "/dossiers/804127/stop", "");

        var refused = call("POST", "/dossiers/804127", "{\"dossierReference\": \"NEW\"}");

        assertEquals(400, refused.statusCode());
        assertEquals("E201", json.readTree(refused.body()).at("/messages/error/0/code").asText());
    }

    @Test
    void theSecondSearchSucceedsAfterAnOutage() throws Exception {
        sandbox.control("POST", "/rules", "{'rules': [{'name': 'outage',"
                + " 'when': {'operation': 'listDossiers', 'nth': 1}, 'then': {'respond': {'status': 503}}}]}");

        assertEquals(503, call("GET", "/dossiers", "").statusCode());
        assertEquals(200, call("GET", "/dossiers", "").statusCode());
        sandbox.control("POST", "/verify", "{'expectations': [{'request': {'operation': 'listDossiers'}, 'count': 2}]}");
    }
}
