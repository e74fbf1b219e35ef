import java.nio.file.Files;
import java.util.List;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.AccountsApi;
import org.openapitools.client.api.DocumentsApi;
import org.openapitools.client.api.DossiersApi;
import org.openapitools.client.api.ImportsApi;
import org.openapitools.client.api.TokenApi;
import org.openapitools.client.model.CompanyIdType;
import org.openapitools.client.model.Dossier;
import org.openapitools.client.model.DossierUpdate;
import org.openapitools.client.model.FileInformationList;
import org.openapitools.client.model.NewDossier;
import org.openapitools.client.model.RequirementsUpdate;

/** The usual calls of a client, with the code that openapi-generator writes for Java: URL and user are the arguments. */
public class Life {
  static final Long ACCOUNT = 119631L;
  static final Long DOSSIER = 804127L;
  static final Long DOCUMENT = 511394021L;
  static final String SIRET = "99050000100013";

  static DossiersApi dossiers;

  public static void main(String[] arguments) throws Exception {
    ApiClient client = new ApiClient();
    client.updateBaseUri(arguments[0]);
    String token = new TokenApi(client).getToken("password", "ea-api-edge", arguments[1], "demo", null).getAccessToken();
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
    dossiers = new DossiersApi(client);
    DocumentsApi documents = new DocumentsApi(client);

    check(new AccountsApi(client).listAccounts().getContent().get(0).getId().equals(ACCOUNT), "the account");
    check(find("TEST").getDossierId().equals(DOSSIER), "a search");
    var page = dossiers.listDossiers(ACCOUNT, null, null, null, null, null, null, null, null, true, null, 1L, 2);
    check(page.getContent().size() == 2 && page.getTotalElements() > 4, "the second page of two hits");

    var wanted = new NewDossier().companyIdType(CompanyIdType.CIT001).companyIdValue(SIRET).dossierReference("PO-1");
    await(new ImportsApi(client), dossiers.importDossier(ACCOUNT, wanted).getContent().getProcessId());
    Long id = find("PO-1").getDossierId();

    dossiers.updateDossier(ACCOUNT, id, new DossierUpdate().dossierReference("PO-2"));
    Dossier changed = dossiers.getDossier(ACCOUNT, id).getContent();
    check(changed.getDossierReference().equals("PO-2") && changed.getSiret().equals(SIRET), "the update");
    dossiers.updateDossierRequirements(ACCOUNT, id, new RequirementsUpdate().newRequiredDocuments(List.of("I2")));
    check(documents.listDocuments(ACCOUNT, id).getContent().size() >= 1, "the documents");

    var files = (FileInformationList) documents.listFiles(ACCOUNT, DOSSIER, DOCUMENT).getActualInstance();
    Long file = files.getContent().get(0).getFileId();
    byte[] bytes = Files.readAllBytes(documents.downloadFile(ACCOUNT, DOSSIER, DOCUMENT, file).toPath());
    check(new String(bytes, 0, 4).equals("%PDF"), "a file");

    dossiers.stopDossier(ACCOUNT, id);
    check(!dossiers.getDossier(ACCOUNT, id).getContent().getMonitored(), "a stopped dossier");
    try {
      dossiers.updateDossier(ACCOUNT, id, new DossierUpdate().description("too late"));
      check(false, "a refusal");
    } catch (ApiException refused) {
      check(refused.getCode() == 400 && refused.getResponseBody().contains("E201"), "the code of the refusal");
    }
  }

  static Dossier find(String reference) throws ApiException {
    var hits = dossiers.listDossiers(ACCOUNT, null, null, null, null, null, null, null, reference, null, null, 0L, 10);
    check(hits.getTotalElements() == 1, "one dossier " + reference);
    return hits.getContent().get(0);
  }

  static void await(ImportsApi imports, String process) throws Exception {
    for (int poll = 0; poll < 100; poll++) {
      var result = imports.getProcess(ACCOUNT, process).getContent();
      if (result.getComplete()) {
        check(result.getSuccess(), "the import");
        return;
      }
      Thread.sleep(50);
    }
    check(false, "the end of the import");
  }

  static void check(boolean holds, String what) {
    if (!holds) throw new AssertionError(what);
  }
}
